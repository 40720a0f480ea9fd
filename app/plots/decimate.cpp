// Decimation by pixel column; see decimate.h.
#include "app/plots/decimate.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace deadscope {

std::vector<ImVec2> decimate(std::span<const ImVec2> points, float column_px) {
    std::vector<ImVec2> kept;
    for (std::size_t begin = 0; begin < points.size();) {
        const float column = std::floor(points[begin].x / column_px);
        std::size_t end = begin, low = begin, high = begin;
        for (; end < points.size() && std::floor(points[end].x / column_px) == column; ++end) {
            if (points[end].y < points[low].y) low = end;
            if (points[end].y > points[high].y) high = end;
        }
        std::array<std::size_t, 4> picks{begin, low, high, end - 1};
        std::ranges::sort(picks);
        for (std::size_t i = 0; i < picks.size(); ++i) {
            if (i == 0 || picks[i] != picks[i - 1]) kept.push_back(points[picks[i]]);
        }
        begin = end;
    }
    return kept;
}

}  // namespace deadscope

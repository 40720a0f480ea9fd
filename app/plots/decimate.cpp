// Decimation by pixel column; see decimate.h.
#include "app/plots/decimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

namespace deadscope {
namespace {

// The first whole number at or above x, within [low, high].
std::size_t place_at(double x, std::size_t low, std::size_t high) {
    if (!(x > static_cast<double>(low))) return low;
    return x >= static_cast<double>(high) ? high : static_cast<std::size_t>(std::ceil(x));
}

}  // namespace

AxisMap::AxisMap(Range data, float pixel_low, float pixel_high, bool log)
    : low_(log ? std::log(data.low) : data.low), pixel_low_(pixel_low), log_(log) {
    const double high = log ? std::log(data.high) : data.high;
    scale_ = (static_cast<double>(pixel_high) - pixel_low_) / (high - low_);
}

float AxisMap::operator()(double value) const {
    if (log_) value = std::log(value > 0.0 || std::isnan(value) ? value : std::numeric_limits<double>::min());
    return static_cast<float>(pixel_low_ + (value - low_) * scale_);
}

double AxisMap::inverse(double pixel) const {
    const double value = low_ + (pixel - pixel_low_) / scale_;
    return log_ ? std::exp(value) : value;
}

namespace {

// The lowest and highest of values[begin, end), where they are first; begin where none is a number.
struct Extremes {
    std::size_t low, high;
};
Extremes extremes(std::span<const double> values, std::size_t begin, std::size_t end) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr std::size_t lanes = 4, block = 16;  // lanes: comparisons that do not wait for each other
    double low = infinity, high = -infinity;
    std::size_t low_block = begin, high_block = begin;
    for (std::size_t from = begin; from < end; from += block) {
        std::array<double, lanes> least, most;
        least.fill(infinity);
        most.fill(-infinity);
        const auto take = [&](std::size_t lane, double value) {
            least[lane] = value < least[lane] ? value : least[lane];
            most[lane] = value > most[lane] ? value : most[lane];
        };
        const std::size_t to = std::min(from + block, end);
        std::size_t i = from;
        for (; i + lanes <= to; i += lanes)
            for (std::size_t lane = 0; lane < lanes; ++lane) take(lane, values[i + lane]);
        for (; i < to; ++i) take(0, values[i]);
        if (const double lowest = *std::ranges::min_element(least); lowest < low) {
            low = lowest;
            low_block = from;
        }
        if (const double highest = *std::ranges::max_element(most); highest > high) {
            high = highest;
            high_block = from;
        }
    }
    const auto place_of = [&](double value, std::size_t from) {
        while (from < end && values[from] != value) ++from;
        return from < end ? from : begin;
    };
    return {place_of(low, low_block), place_of(high, high_block)};
}

// A column of pixels and what is drawn of it.
struct Column {
    std::size_t first, low, high, last;
};

// One above or below the other: the way between them is no part of either.
bool apart(const Column& a, const Column& b, std::span<const double> values) {
    return !(values[a.low] <= values[b.high] && values[b.low] <= values[a.high]);
}

}  // namespace

std::vector<std::size_t> decimate(std::span<const double> values, double first, const AxisMap& x,
                                  Range pixels, float column_px) {
    std::vector<std::size_t> kept;
    const std::size_t size = values.size();
    std::size_t begin = place_at(x.inverse(pixels.low) - first, 0, size);
    const std::size_t last = place_at(x.inverse(pixels.high) - first, begin, size);
    const auto step = static_cast<double>(column_px);
    kept.reserve(2 + std::min(last - begin, static_cast<std::size_t>((pixels.high - pixels.low) / step) * 2));
    if (begin > 0) kept.push_back(begin - 1);
    std::optional<Column> before;
    const auto finish = [&](bool link) {  // link: to what comes, by the column's own last point
        const auto [from, to] = std::minmax(before->low, before->high);
        if (kept.empty() || kept.back() != from) kept.push_back(from);
        if (to != from) kept.push_back(to);
        if (link && before->last != to) kept.push_back(before->last);
    };
    for (double right = pixels.low + step; begin < last; right += step) {
        const std::size_t end = right < pixels.high ? place_at(x.inverse(right) - first, begin, last) : last;
        if (end == begin) continue;
        const auto [low, high] = extremes(values, begin, end);
        const Column column{begin, low, high, end - 1};
        const bool link = !before || apart(*before, column, values);
        if (before) finish(link);
        if (link && (kept.empty() || kept.back() != begin)) kept.push_back(begin);
        before = column;
        begin = end;
    }
    if (before) finish(true);
    if (last < size) kept.push_back(last);
    return kept;
}

std::vector<ImVec2> thin(std::span<const ImVec2> points, ImVec2 low, ImVec2 high, float cell_px) {
    const auto cells = [&](float length) {
        return static_cast<std::size_t>(std::max(1.0f, std::ceil(length / cell_px)));
    };
    const std::size_t columns = cells(high.x - low.x), rows = cells(high.y - low.y);
    std::vector<bool> taken(columns * rows, false);
    std::vector<ImVec2> kept;
    for (const ImVec2 at : points) {
        if (!(at.x >= low.x && at.x < high.x && at.y >= low.y && at.y < high.y)) continue;
        const auto column = static_cast<std::size_t>((at.x - low.x) / cell_px);
        const auto row = static_cast<std::size_t>((at.y - low.y) / cell_px);
        const std::size_t cell = std::min(row, rows - 1) * columns + std::min(column, columns - 1);
        if (taken[cell]) continue;
        taken[cell] = true;
        kept.push_back(at);
    }
    return kept;
}

// Liang and Barsky 1984.
bool clip_segment(ImVec2 a, ImVec2 b, ImVec2 low, ImVec2 high, float& from, float& to) {
    from = 0.0f;
    to = 1.0f;
    const float dx = b.x - a.x, dy = b.y - a.y;
    const std::array<std::array<float, 2>, 4> edges{
        {{-dx, a.x - low.x}, {dx, high.x - a.x}, {-dy, a.y - low.y}, {dy, high.y - a.y}}};
    for (const auto& [p, q] : edges) {
        if (p == 0.0f) {
            if (q < 0.0f) return false;
            continue;
        }
        const float t = q / p;
        if (p < 0.0f) {
            from = std::max(from, t);
        } else {
            to = std::min(to, t);
        }
        if (!(from <= to)) return false;
    }
    return true;
}

}  // namespace deadscope

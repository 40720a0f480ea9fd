// See position_grid.h.
#include "core/forward/position_grid.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace deadscope {
namespace {

constexpr std::size_t taps = 4;

struct Taps {
    std::array<std::size_t, taps> at;  // places of the stored grid
    std::array<double, taps> weight;
};

// Keys' cubic kernel, the two pieces.
double near(double x) {
    constexpr double a = -0.75;
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}
double far(double x) {
    constexpr double a = -0.75;
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

// For each of `count` places along one axis.
std::vector<Taps> taps_along(std::size_t side, std::size_t count) {
    const double scale = static_cast<double>(side) / static_cast<double>(count);
    const auto last = static_cast<std::ptrdiff_t>(side) - 1;
    std::vector<Taps> out(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double place = scale * (static_cast<double>(i) + 0.5) - 0.5;
        const double whole = std::floor(place), t = place - whole;
        out[i].weight = {far(t + 1), near(t), near(1 - t), far(2 - t)};
        for (std::size_t k = 0; k < taps; ++k) {
            const auto at = static_cast<std::ptrdiff_t>(whole) - 1 + static_cast<std::ptrdiff_t>(k);
            out[i].at[k] = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, last));
        }
    }
    return out;
}

}  // namespace

std::vector<double> resized_grid(std::span<const double> grid, std::size_t side, std::size_t width,
                                 std::size_t rows, std::size_t columns) {
    const std::vector<Taps> down = taps_along(side, rows), across = taps_along(side, columns);
    std::vector<double> out(rows * columns * width, 0.0);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            double* to = out.data() + (r * columns + c) * width;
            for (std::size_t k = 0; k < taps * taps; ++k) {
                const Taps &y = down[r], &x = across[c];
                const double weight = y.weight[k / taps] * x.weight[k % taps];
                const double* from = grid.data() + (y.at[k / taps] * side + x.at[k % taps]) * width;
                for (std::size_t j = 0; j < width; ++j) to[j] += weight * from[j];
            }
        }
    }
    return out;
}

}  // namespace deadscope

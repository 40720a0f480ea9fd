// See position_grid.h.
#include "core/forward/position_grid.h"

#include <algorithm>
#include <cmath>

namespace deadscope {
namespace {

// What one place of the new grid takes along one axis.
struct Tap {
    std::size_t at;  // place of the stored grid
    double weight;
};
using Taps = std::vector<Tap>;

// Keys' cubic kernel, the two pieces.
double near(double a, double x) {
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}
double far(double a, double x) {
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}
double cubic(double a, double x) {
    const double size = std::abs(x);
    return size < 1.0 ? near(a, size) : size < 2.0 ? far(a, size) : 0.0;
}

Taps plain_taps(double scale, std::size_t i, std::size_t side) {
    constexpr double a = -0.75;
    const double place = scale * (static_cast<double>(i) + 0.5) - 0.5;
    const double whole = std::floor(place);
    const auto last = static_cast<std::ptrdiff_t>(side) - 1;
    Taps out;
    for (std::ptrdiff_t k = -1; k <= 2; ++k) {
        const auto at = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(whole) + k, 0, last);
        out.push_back({static_cast<std::size_t>(at), cubic(a, place - whole - static_cast<double>(k))});
    }
    return out;
}

Taps antialiased_taps(double scale, std::size_t i, std::size_t side) {
    constexpr double a = -0.5;
    const double wide = std::max(scale, 1.0), centre = scale * (static_cast<double>(i) + 0.5);
    const double from = std::trunc(centre - 2.0 * wide + 0.5), to = std::trunc(centre + 2.0 * wide + 0.5);
    const auto first = static_cast<std::size_t>(std::max(from, 0.0));
    const auto last = std::min(side, static_cast<std::size_t>(to));
    Taps out;
    double sum = 0.0;
    for (std::size_t at = first; at < last; ++at) {
        out.push_back({at, cubic(a, (static_cast<double>(at) - centre + 0.5) / wide)});
        sum += out.back().weight;
    }
    for (Tap& tap : out) tap.weight /= sum;
    return out;
}

// For each of `count` places along one axis.
std::vector<Taps> taps_along(std::size_t side, std::size_t count, bool antialias) {
    const double scale = static_cast<double>(side) / static_cast<double>(count);
    std::vector<Taps> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(antialias ? antialiased_taps(scale, i, side) : plain_taps(scale, i, side));
    return out;
}

}  // namespace

std::vector<double> resized_grid(std::span<const double> grid, std::size_t side, std::size_t width,
                                 std::size_t rows, std::size_t columns, bool antialias) {
    const std::vector<Taps> down = taps_along(side, rows, antialias),
                            across = taps_along(side, columns, antialias);
    std::vector<double> out(rows * columns * width, 0.0);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            double* to = out.data() + (r * columns + c) * width;
            for (const Tap& y : down[r]) {
                for (const Tap& x : across[c]) {
                    const double* from = grid.data() + (y.at * side + x.at) * width;
                    for (std::size_t j = 0; j < width; ++j) to[j] += y.weight * x.weight * from[j];
                }
            }
        }
    }
    return out;
}

}  // namespace deadscope

// See scenes.h. Arithmetic is sums, products and comparisons of doubles and integers, so that a scene is the
// same to the last bit everywhere.
#include "core/image/scenes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/philox.h"

namespace deadscope {
namespace {

constexpr std::size_t kWidth = 288, kHeight = 224;
constexpr std::uint64_t kDrawsPerScene = 1u << 16;

using Colour = std::array<double, 3>;  // 0 to 1

// The random numbers of one scene, one after another.
class Draws {
public:
    Draws(std::uint64_t seed, std::size_t number)
        : philox_(seed, "input scenes"), at_(static_cast<std::uint64_t>(number) * kDrawsPerScene) {}
    double uniform(double low, double high) { return low + (high - low) * philox_.uniform(at_++); }
    std::size_t below(std::size_t bound) {
        return std::min(bound - 1, static_cast<std::size_t>(uniform(0.0, 1.0) * static_cast<double>(bound)));
    }
    Colour colour() {
        const double r = uniform(0, 1), g = uniform(0, 1), b = uniform(0, 1);
        return {r, g, b};
    }

private:
    Philox philox_;
    std::uint64_t at_;
};

Colour mix(const Colour& a, const Colour& b, double share) {
    Colour out;
    for (std::size_t c = 0; c < 3; ++c) out[c] = a[c] + (b[c] - a[c]) * share;
    return out;
}

struct Canvas {
    std::vector<Colour> pixels = std::vector<Colour>(kWidth * kHeight);
    // at(x, y) with both in 0 to 1 along the longer edge.
    template <class At>
    void paint(const At& at) {
        for (std::size_t y = 0; y < kHeight; ++y)
            for (std::size_t x = 0; x < kWidth; ++x) {
                Colour& pixel = pixels[y * kWidth + x];
                pixel = at((static_cast<double>(x) + 0.5) / kWidth, (static_cast<double>(y) + 0.5) / kWidth,
                           pixel);
            }
    }
};

void gradient(Canvas& canvas, Draws& draws) {
    const Colour first = draws.colour(), second = draws.colour();
    const double dx = draws.uniform(-1, 1), dy = draws.uniform(-1, 1), shift = draws.uniform(0, 0.5);
    canvas.paint([&](double x, double y, const Colour&) {
        return mix(first, second, std::clamp(shift + dx * x + dy * y, 0.0, 1.0));
    });
}

void chequers(Canvas& canvas, Draws& draws) {
    const Colour first = draws.colour(), second = draws.colour();
    const double fields = draws.uniform(3, 40), lean = draws.uniform(-1, 1);
    canvas.paint([&](double x, double y, const Colour&) {
        const double u = std::floor((x + lean * y) * fields), v = std::floor((y - lean * x) * fields);
        return std::floor((u + v) / 2) * 2 == u + v ? first : second;
    });
}

void discs(Canvas& canvas, Draws& draws) {
    for (std::size_t count = 2 + draws.below(12); count > 0; --count) {
        const Colour colour = draws.colour();
        const double cx = draws.uniform(0, 1), cy = draws.uniform(0, 0.8), r = draws.uniform(0.02, 0.25);
        const double rim = draws.uniform(0.001, 0.05);
        canvas.paint([&](double x, double y, const Colour& under) {
            const double inside = (r * r - (x - cx) * (x - cx) - (y - cy) * (y - cy)) / (2 * r * rim);
            return mix(under, colour, std::clamp(inside + 0.5, 0.0, 1.0));
        });
    }
}

// Values on a grid of points, bilinear between them, in three sizes.
void noise(Canvas& canvas, Draws& draws) {
    for (double strength = 0.5; strength > 0.1; strength /= 2) {
        const std::size_t cells = 2 + draws.below(30);
        std::vector<Colour> grid((cells + 2) * (cells + 2));
        for (Colour& point : grid) point = draws.colour();
        canvas.paint([&](double x, double y, const Colour& under) {
            const double u = x * static_cast<double>(cells), v = y * static_cast<double>(cells);
            const auto i = static_cast<std::size_t>(u), j = static_cast<std::size_t>(v);
            const Colour* row = grid.data() + j * (cells + 2) + i;
            const double du = u - static_cast<double>(i), dv = v - static_cast<double>(j);
            return mix(under, mix(mix(row[0], row[1], du), mix(row[cells + 2], row[cells + 3], du), dv),
                       strength);
        });
    }
}

}  // namespace

Picture draw_scene(std::uint64_t seed, std::size_t number) {
    Draws draws(seed, number);
    Canvas canvas;
    if (number % 2 == 0)
        gradient(canvas, draws);
    else
        chequers(canvas, draws);
    if (number % 3 != 0) noise(canvas, draws);
    if (number % 4 != 1) discs(canvas, draws);
    Picture out{.width = kWidth, .height = kHeight, .rgb = {}};
    out.rgb.reserve(kWidth * kHeight * 3);
    for (const Colour& pixel : canvas.pixels)
        for (const double value : pixel)
            out.rgb.push_back(static_cast<std::uint8_t>(std::clamp(value * 255.0 + 0.5, 0.0, 255.0)));
    return out;
}

}  // namespace deadscope

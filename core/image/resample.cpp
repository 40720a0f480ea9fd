// Two passes, over columns and over rows, each a weighted sum in 32-bit fixed point with 22 fractional bits,
// rounded to 8 bits in between (Pillow, src/libImaging/Resample.c, is what the numbers must equal).
#include "core/image/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace deadscope {
namespace {

constexpr int kFraction = 32 - 8 - 2;  // bits: 8 of the pixel, 2 for sums that overshoot

double sinc(double x) {
    if (x == 0.0) return 1.0;
    x *= std::numbers::pi;
    return std::sin(x) / x;
}

double support_of(Resampling filter) {
    switch (filter) {
        case Resampling::box:
            return 0.5;
        case Resampling::hamming:
        case Resampling::bilinear:
            return 1.0;
        case Resampling::bicubic:
            return 2.0;
        default:
            return 3.0;
    }
}

double weight_of(Resampling filter, double x) {
    if (filter == Resampling::box) return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    x = std::abs(x);
    if (filter == Resampling::bilinear) return x < 1.0 ? 1.0 - x : 0.0;
    if (filter == Resampling::hamming) {
        if (x == 0.0) return 1.0;
        if (x >= 1.0) return 0.0;
        return sinc(x) * (0.54 + 0.46 * std::cos(x * std::numbers::pi));
    }
    if (filter == Resampling::bicubic) {
        constexpr double a = -0.5;  // Keys' coefficient
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
        return 0.0;
    }
    return x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

// The inputs of one output: weights[i] of input first + i.
struct Taps {
    std::size_t first = 0;
    std::vector<std::int32_t> weights;  // fixed point
};

std::vector<Taps> taps(std::size_t from, std::size_t to, Resampling filter) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double widening = std::max(scale, 1.0), support = support_of(filter) * widening;
    std::vector<Taps> result(to);
    std::vector<double> weights;
    for (std::size_t i = 0; i < to; ++i) {
        const double centre = (static_cast<double>(i) + 0.5) * scale, inverse = 1.0 / widening;
        const auto first = static_cast<std::int64_t>(std::max(0.0, std::trunc(centre - support + 0.5)));
        const auto last =
            std::min(static_cast<std::int64_t>(centre + support + 0.5), static_cast<std::int64_t>(from));
        double sum = 0.0;
        weights.clear();
        for (std::int64_t x = first; x < last; ++x) {
            weights.push_back(weight_of(filter, (static_cast<double>(x) - centre + 0.5) * inverse));
            sum += weights.back();
        }
        result[i].first = static_cast<std::size_t>(first);
        for (double weight : weights) {
            if (sum != 0.0) weight /= sum;
            result[i].weights.push_back(
                static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kFraction)));
        }
    }
    return result;
}

std::uint8_t to_pixel(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kFraction, 0, 255));
}

Picture resize_columns(const Picture& from, std::size_t width, Resampling filter) {
    if (width == from.width) return from;
    Picture to{.width = width, .height = from.height, .rgb = {}};
    to.rgb.resize(width * from.height * 3);
    const std::vector<Taps> all = taps(from.width, width, filter);
    for (std::size_t y = 0; y < from.height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            std::int32_t sum[3] = {1 << (kFraction - 1), 1 << (kFraction - 1), 1 << (kFraction - 1)};
            const std::uint8_t* pixel = from.row(y) + 3 * all[x].first;
            for (const std::int32_t weight : all[x].weights)
                for (std::int32_t& channel : sum) channel += *pixel++ * weight;
            for (std::size_t c = 0; c < 3; ++c) to.row(y)[3 * x + c] = to_pixel(sum[c]);
        }
    }
    return to;
}

Picture resize_rows(const Picture& from, std::size_t height, Resampling filter) {
    if (height == from.height) return from;
    Picture to{.width = from.width, .height = height, .rgb = {}};
    to.rgb.resize(from.width * height * 3);
    const std::vector<Taps> all = taps(from.height, height, filter);
    std::vector<std::int32_t> sums(from.width * 3);
    for (std::size_t y = 0; y < height; ++y) {
        std::ranges::fill(sums, 1 << (kFraction - 1));
        for (std::size_t i = 0; i < all[y].weights.size(); ++i) {
            const std::uint8_t* line = from.row(all[y].first + i);
            for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += line[x] * all[y].weights[i];
        }
        std::ranges::transform(sums, to.row(y), to_pixel);
    }
    return to;
}

// The input at which each output lies; Pillow adds up the step, so its rounding is part of the result.
std::vector<std::size_t> nearest(std::size_t from, std::size_t to) {
    const double step = static_cast<double>(from) / static_cast<double>(to);
    double at = step * 0.5;
    std::vector<std::size_t> result(to);
    for (std::size_t& place : result) {
        place = std::min(static_cast<std::size_t>(at), from - 1);
        at += step;
    }
    return result;
}

Picture pick(const Picture& from, std::size_t width, std::size_t height) {
    const std::vector<std::size_t> columns = nearest(from.width, width), rows = nearest(from.height, height);
    Picture to{.width = width, .height = height, .rgb = {}};
    to.rgb.resize(width * height * 3);
    for (std::size_t y = 0; y < height; ++y)
        for (std::size_t x = 0; x < width; ++x)
            std::copy_n(from.row(rows[y]) + 3 * columns[x], 3, to.row(y) + 3 * x);
    return to;
}

}  // namespace

std::optional<Resampling> resampling_from_number(std::int64_t number) {
    if (number < 0 || number > 5) return std::nullopt;
    return static_cast<Resampling>(number);
}

Picture resize(const Picture& from, std::size_t width, std::size_t height, Resampling filter) {
    if (width == from.width && height == from.height) return from;
    if (filter == Resampling::nearest) return pick(from, width, height);
    // Pillow 13 takes the rows first where that many more of them go; before, it never did. The rounding to 8
    // bits in between lets a pixel differ by one.
    const auto lost = [](std::size_t before, std::size_t after) {
        return static_cast<std::int64_t>(before) - static_cast<std::int64_t>(after);
    };
    const std::int64_t rows = lost(from.height, height), columns = lost(from.width, width);
    if (rows > 0 && rows > 2 * columns)
        return resize_columns(resize_rows(from, height, filter), width, filter);
    return resize_rows(resize_columns(from, width, filter), height, filter);
}

}  // namespace deadscope

// Sampling rates changed by a windowed sinc: each output is a weighted sum of the inputs around its place.
// The weights repeat after to/gcd outputs, so they are computed once for each such phase.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/sound/wave.h"

namespace deadscope {
namespace {

constexpr double kZeroCrossings = 32.0;
constexpr double kPassed = 0.96;  // the filter's middle, as a share of the lower Nyquist frequency
constexpr double kBeta = 9.0;     // Kaiser's: about 90 dB (Kaiser and Schafer 1980)

// Modified Bessel function of the first kind, order 0, by its power series.
double bessel(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 64 && term > sum * 1e-18; ++k) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

// Weight of an input at a distance of `x` samples, cutoff in units of its Nyquist frequency.
double weight(double x, double cutoff, double reach) {
    const double share = x / reach;
    if (std::abs(share) >= 1.0) return 0.0;
    const double angle = std::numbers::pi * cutoff * x;
    const double sinc = angle == 0.0 ? 1.0 : std::sin(angle) / angle;
    return cutoff * sinc * bessel(kBeta * std::sqrt(1.0 - share * share)) / bessel(kBeta);
}

}  // namespace

std::vector<float> resample(std::span<const float> samples, std::int64_t from, std::int64_t to) {
    if (from == to || samples.empty()) return {samples.begin(), samples.end()};
    const std::int64_t common = std::gcd(from, to), up = to / common, down = from / common;
    const double cutoff = kPassed * std::min(1.0, static_cast<double>(to) / static_cast<double>(from));
    const double reach = kZeroCrossings / cutoff;
    const auto half = static_cast<std::int64_t>(std::ceil(reach));
    const auto count = static_cast<std::int64_t>(samples.size());
    // Output i lies at input i · down / up: that place's whole part, and its phase in 1/up.
    const std::int64_t outputs = (count * up + down - 1) / down;
    std::vector<float> out(static_cast<std::size_t>(outputs));
    std::vector<double> weights(static_cast<std::size_t>(2 * half + 1));
    for (std::int64_t first = 0; first < std::min(up, outputs); ++first) {
        const double offset = static_cast<double>(first * down % up) / static_cast<double>(up);
        for (std::int64_t k = -half; k <= half; ++k)
            weights[static_cast<std::size_t>(k + half)] =
                weight(static_cast<double>(k) - offset, cutoff, reach);
        for (std::int64_t i = first; i < outputs; i += up) {
            const std::int64_t centre = i * down / up;
            double sum = 0.0;
            for (std::int64_t k = std::max(-half, -centre); k <= std::min(half, count - 1 - centre); ++k)
                sum += weights[static_cast<std::size_t>(k + half)] *
                       static_cast<double>(samples[static_cast<std::size_t>(centre + k)]);
            out[static_cast<std::size_t>(i)] = static_cast<float>(sum);
        }
    }
    return out;
}

}  // namespace deadscope

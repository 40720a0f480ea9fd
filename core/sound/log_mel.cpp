// Frames × Hann window → power spectrum → triangular filters on Slaney's mel scale → log10, at most 8 below
// the highest, scaled. In double throughout. The transform is a product with a matrix of cosines and sines:
// at 400 samples a frame that takes milliseconds, and needs no library.
#include "core/sound/log_mel.h"

#include <Eigen/Core>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace deadscope {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Slaney's scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
constexpr double kKnee = 1000.0, kKneeMel = 15.0;
const double kStep = std::log(6.4) / 27.0;

double to_mel(double hertz) {
    return hertz < kKnee ? 3.0 * hertz / 200.0 : kKneeMel + std::log(hertz / kKnee) / kStep;
}

double to_hertz(double mel) {
    return mel < kKneeMel ? 200.0 * mel / 3.0 : kKnee * std::exp(kStep * (mel - kKneeMel));
}

// [mel, bins]: triangles between neighbouring frequencies, each of area one.
Matrix mel_filters(const SoundPreprocessing& how) {
    constexpr double highest = 8000.0;  // Hz, whatever the rate
    const Eigen::Index bands = how.mel, bins = 1 + how.transform / 2;
    std::vector<double> edges;
    for (Eigen::Index i = 0; i < bands + 2; ++i)
        edges.push_back(to_hertz(to_mel(highest) * static_cast<double>(i) / static_cast<double>(bands + 1)));
    Matrix filters(bands, bins);
    for (Eigen::Index m = 0; m < bands; ++m) {
        const double *edge = edges.data() + m, height = 2.0 / (edge[2] - edge[0]);
        for (Eigen::Index k = 0; k < bins; ++k) {
            const double hertz =
                static_cast<double>(how.rate / 2) * static_cast<double>(k) / static_cast<double>(bins - 1);
            const double up = (hertz - edge[0]) / (edge[1] - edge[0]),
                         down = (edge[2] - hertz) / (edge[2] - edge[1]);
            filters(m, k) = std::max(0.0, std::min(up, down)) * height;
        }
    }
    return filters;
}

// [samples of a frame, 2 · bins]: cosines, then sines, each with the window on it.
Matrix windowed_transform(std::int64_t length) {
    const Eigen::Index n = length, bins = 1 + n / 2;
    Matrix out(n, 2 * bins);
    const double turn = 2.0 * std::numbers::pi / static_cast<double>(n);
    for (Eigen::Index i = 0; i < n; ++i) {
        const double window = 0.5 - 0.5 * std::cos(turn * static_cast<double>(i));
        for (Eigen::Index k = 0; k < bins; ++k) {
            const double angle = turn * static_cast<double>(i * k % n);  // reduced: no digits lost
            out(i, k) = window * std::cos(angle);
            out(i, bins + k) = window * std::sin(angle);
        }
    }
    return out;
}

// Half a frame mirrored at both ends, so that frame t is centred on sample t · hop.
std::vector<double> padded(const SoundPreprocessing& how, std::span<const float> samples) {
    const auto length = static_cast<std::int64_t>(how.samples()), half = how.transform / 2;
    std::vector<double> out(static_cast<std::size_t>(length + 2 * half));
    for (std::int64_t i = 0; i < length + 2 * half; ++i) {
        std::int64_t at = std::abs(i - half);
        if (at >= length) at = 2 * (length - 1) - at;
        out[static_cast<std::size_t>(i)] = static_cast<std::size_t>(at) < samples.size()
                                               ? samples[static_cast<std::size_t>(at)]
                                               : how.padding;
    }
    return out;
}

}  // namespace

std::vector<float> log_mel(const SoundPreprocessing& how, std::span<const float> samples) {
    assert(samples.size() <= how.samples());
    const std::vector<double> sound = padded(how, samples);
    const auto frames = static_cast<Eigen::Index>(how.frames());
    const Eigen::Index bins = 1 + how.transform / 2;
    const Matrix transform = windowed_transform(how.transform), filters = mel_filters(how);
    Matrix mel(how.mel, frames);
    constexpr Eigen::Index step = 256;  // frames at a time
    for (Eigen::Index first = 0; first < frames; first += step) {
        const Eigen::Index count = std::min(step, frames - first);
        // Frames overlap: row t of the map begins `hop` samples behind row t - 1.
        const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> rows(
            sound.data() + first * how.hop, count, how.transform, Eigen::OuterStride<>(how.hop));
        const Matrix spectrum = rows * transform;
        const Matrix power = spectrum.leftCols(bins).cwiseAbs2() + spectrum.rightCols(bins).cwiseAbs2();
        mel.middleCols(first, count).noalias() = filters * power.transpose();
    }
    const Matrix logs = mel.cwiseMax(1e-10).array().log10().matrix();
    const double lowest = logs.maxCoeff() - 8.0;
    std::vector<float> out(static_cast<std::size_t>(logs.size()));
    std::transform(logs.data(), logs.data() + logs.size(), out.begin(),
                   [&](double value) { return static_cast<float>((std::max(value, lowest) + 4.0) / 4.0); });
    return out;
}

}  // namespace deadscope

// Sound: log-mel frames through two convolutions of width 3, each the sum of three linear maps over shifted
// rows, so that the backend needs no convolution.
#include <array>
#include <string>

#include "core/base/error.h"
#include "core/forward/embedding_parts.h"

namespace deadscope {
namespace {

constexpr std::size_t taps = 3;

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

struct Convolution {
    std::array<LoadedLinear, taps> at;  // [out, in] each; the first has the bias
    Matrix part;                        // slot for one tap's product
};

// The tensor is [out, in, taps].
bool load(Pass& pass, const WeightRef& weight, const WeightRef& bias, std::size_t in, std::size_t out,
          Convolution& to) {
    constexpr std::size_t step_elements = 1u << 20;
    for (LoadedLinear& linear : to.at) linear.weight = pass.backend.allocate(out, in);
    const std::size_t step = std::clamp<std::size_t>(step_elements / (in * taps), 1, out);
    std::vector<double> stored, own;  // [step, in, taps], [step, in]
    for (std::size_t first = 0; first < out; first += step) {
        const std::size_t rows = std::min(step, out - first);
        stored.resize(rows * in * taps);
        own.resize(rows * in);
        pass.weights.read(weight, {first * in * taps, stored.size()}, std::span<double>(stored));
        for (std::size_t tap = 0; tap < taps; ++tap) {
            for (std::size_t i = 0; i < own.size(); ++i) own[i] = stored[i * taps + tap];
            Matrix part = to.at[tap].weight.row_range(first, rows);
            pass.backend.write(part, std::span<const double>(own));
        }
        if (!pass.meter.step("weights", 0.1)) return false;
    }
    return !bias || pass.load(bias, 1, out, to.at[0].bias, 0.1);
}

// y[t] = gelu(Σ_k W_k x[t · stride + k] + b), x with a row of zeros at either end.
bool convolve(Pass& pass, Convolution& by, const Matrix& x, std::size_t stride, Matrix y, double local) {
    const auto shifted = [&](std::size_t tap) {
        return Matrix{x.storage, y.rows, x.cols, x.stride * stride, x.offset + tap * x.stride};
    };
    if (!pass.linear(shifted(0), by.at[0], y, local)) return false;
    for (std::size_t tap = 1; tap < taps; ++tap) {
        Matrix part = pass.reserve(by.part, y.rows, y.cols);
        if (!pass.linear(shifted(tap), by.at[tap], part, local)) return false;
        pass.backend.add(part, y);
    }
    pass.backend.activate(Activation::gelu, y);
    return pass.meter.step("forward", local);
}

// One sound [mel, frames] as rows of frames between two of zeros, [frames + 2, mel].
std::vector<float> padded_frames(std::span<const float> sound, std::size_t mel, std::size_t frames) {
    std::vector<float> rows((frames + 2) * mel, 0.0f);
    for (std::size_t m = 0; m < mel; ++m) {
        for (std::size_t t = 0; t < frames; ++t) rows[(t + 1) * mel + m] = sound[m * frames + t];
    }
    return rows;
}

}  // namespace

bool embed_sounds(Pass& pass, const SoundInputSpec& spec, Matrix& x) {
    const std::size_t mel = size(spec.mel), frames = size(spec.frames), tokens = frames / 2, d = x.cols;
    const std::size_t sounds = tokens == 0 ? 0 : x.rows / tokens;
    if (sounds * tokens != x.rows || pass.input.features.size() != sounds * mel * frames) {
        throw Error::input(
            "the sounds do not fit the model",
            {.expected = std::to_string(mel * frames) + " values a sound",
             .found = std::to_string(pass.input.features.size()) + " values for " + std::to_string(sounds)});
    }
    Convolution first, second;
    Matrix positions;
    if (!load(pass, spec.conv1, spec.conv1_bias, mel, d, first) ||
        !load(pass, spec.conv2, spec.conv2_bias, d, d, second) ||
        (spec.positions && !pass.load(spec.positions, tokens, d, positions, 0.2)))
        return false;
    Matrix frames_in = pass.backend.allocate(frames + 2, mel), between = pass.backend.allocate(frames + 2, d);
    pass.backend.fill_zero(between);
    for (std::size_t i = 0; i < sounds; ++i) {
        const auto sound = std::span(pass.input.features).subspan(i * mel * frames, mel * frames);
        pass.backend.write(frames_in, std::span<const float>(padded_frames(sound, mel, frames)));
        const double local = 0.2 + 0.7 * static_cast<double>(i) / static_cast<double>(sounds);
        Matrix out = x.row_range(i * tokens, tokens);
        if (!convolve(pass, first, frames_in, 1, between.row_range(1, frames), local) ||
            !convolve(pass, second, between, 2, out, local))
            return false;
        if (spec.positions) pass.backend.add(positions, out);
    }
    return true;
}

}  // namespace deadscope

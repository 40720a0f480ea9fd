// Sound: log-mel frames through two convolutions of width 3.
#include <string>

#include "core/base/error.h"
#include "core/forward/convolution.h"
#include "core/forward/embedding_parts.h"

namespace deadscope {
namespace {

constexpr std::size_t taps = 3;

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// y = gelu(conv(x)), x with a row of zeros at either end.
bool convolve_gelu(Pass& pass, Convolution& by, const Matrix& x, std::size_t stride, Matrix y, double local) {
    if (!convolve(pass, by, x, stride, y, local)) return false;
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
    if (!load_convolution(pass, spec.conv1, spec.conv1_bias, mel, d, taps, 0.1, first) ||
        !load_convolution(pass, spec.conv2, spec.conv2_bias, d, d, taps, 0.1, second) ||
        (spec.positions && !pass.load(spec.positions, tokens, d, positions, 0.2)))
        return false;
    Matrix frames_in = pass.backend.allocate(frames + 2, mel), between = pass.backend.allocate(frames + 2, d);
    pass.backend.fill_zero(between);
    for (std::size_t i = 0; i < sounds; ++i) {
        const auto sound = std::span(pass.input.features).subspan(i * mel * frames, mel * frames);
        pass.backend.write(frames_in, std::span<const float>(padded_frames(sound, mel, frames)));
        const double local = 0.2 + 0.7 * static_cast<double>(i) / static_cast<double>(sounds);
        Matrix out = x.row_range(i * tokens, tokens);
        if (!convolve_gelu(pass, first, frames_in, 1, between.row_range(1, frames), local) ||
            !convolve_gelu(pass, second, between, 2, out, local))
            return false;
        if (spec.positions) pass.backend.add(positions, out);
    }
    return true;
}

}  // namespace deadscope

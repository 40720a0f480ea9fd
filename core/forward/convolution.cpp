// See convolution.h.
#include "core/forward/convolution.h"

#include <algorithm>

namespace deadscope {

bool load_convolution(Pass& pass, const WeightRef& weight, const WeightRef& bias, std::size_t in,
                      std::size_t out, std::size_t taps, double local, Convolution& to) {
    constexpr std::size_t step_elements = 1u << 20;
    to.at.resize(taps);
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
        if (!pass.meter.step("weights", local)) return false;
    }
    return !bias || pass.load(bias, 1, out, to.at[0].bias, local);
}

bool convolve(Pass& pass, Convolution& by, const Matrix& x, std::size_t stride, Matrix y, double local) {
    const auto shifted = [&](std::size_t tap) {
        return Matrix{x.storage, y.rows, x.cols, x.stride * stride, x.offset + tap * x.stride};
    };
    if (!pass.linear(shifted(0), by.at[0], y, local)) return false;
    for (std::size_t tap = 1; tap < by.at.size(); ++tap) {
        Matrix part = pass.reserve(by.part, y.rows, y.cols);
        if (!pass.linear(shifted(tap), by.at[tap], part, local)) return false;
        pass.backend.add(part, y);
    }
    return true;
}

bool BesideBlock::run(const ConvolutionSpec& spec, const Matrix& entered, Matrix& x, double local) {
    const auto width = static_cast<std::size_t>(spec.width), before = (width - 1) / 2, d = x.cols;
    if (!load_convolution(pass_, spec.weight, spec.bias, d, d, width, local, convolution_)) return false;
    pass_.load(spec.norm, norm_);
    const std::size_t longest = pass_.longest_sequence();
    pass_.reserve(padded_, longest + width - 1, d);
    pass_.reserve(delta_, longest, d);
    const std::vector<std::size_t>& starts = pass_.input.layout.starts;
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
        const std::size_t first = starts[s], count = starts[s + 1] - first;
        Matrix padded = padded_.row_range(0, count + width - 1), inside = padded.row_range(before, count);
        Matrix delta = delta_.row_range(0, count), rows = x.row_range(first, count);
        pass_.backend.fill_zero(padded);
        pass_.backend.copy(entered.row_range(first, count), inside);
        if (!convolve(pass_, convolution_, padded, 1, delta, local)) return false;
        pass_.backend.activate(spec.activation, delta);
        pass_.backend.add(delta, rows);
        pass_.norm(rows, norm_, rows);
        if (!pass_.meter.step("forward", local)) return false;
    }
    return true;
}

}  // namespace deadscope

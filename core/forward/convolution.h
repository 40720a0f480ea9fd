// A convolution along the tokens or frames, as a sum of linear maps over shifted rows, so that the backend
// needs none; and DeBERTa's, which stands beside a block (plan.h, ConvolutionSpec).
#pragma once

#include <vector>

#include "core/forward/pass.h"

namespace deadscope {

struct Convolution {
    std::vector<LoadedLinear> at;  // [out, in] each, one a tap; the first has the bias
    Matrix part;                   // slot for one tap's product
};

// The tensor is [out, in, taps]. False: cancelled.
bool load_convolution(Pass& pass, const WeightRef& weight, const WeightRef& bias, std::size_t in,
                      std::size_t out, std::size_t taps, double local, Convolution& to);
// y[t] = Σ_k W_k x[t · stride + k] + b. False: cancelled.
bool convolve(Pass& pass, Convolution& by, const Matrix& x, std::size_t stride, Matrix y, double local);

// Thread rule: one thread.
class BesideBlock {
public:
    explicit BesideBlock(Pass& pass) : pass_(pass) {}

    // x [tokens, d] leaves the block, which `entered` came into. False: cancelled.
    bool run(const ConvolutionSpec& spec, const Matrix& entered, Matrix& x, double local);

private:
    Pass& pass_;
    Convolution convolution_;
    LoadedNorm norm_;
    Matrix padded_, delta_;  // slots, [longest sequence + width - 1, d] and [longest sequence, d]
};

}  // namespace deadscope

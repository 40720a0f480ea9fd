// See mlp_part.h.
#include "core/forward/mlp_part.h"

#include <cmath>
#include <limits>

namespace deadscope {

bool MlpPart::load(const MlpSpec& spec, Share share) {
    spec_ = &spec;
    pass_.load(spec.inner_norm, inner_norm_);
    if (spec.xielu) {
        const auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
        xielu_beta_ = pass_.host(spec.xielu->beta, 1)[0];
        xielu_p_ = softplus(pass_.host(spec.xielu->alpha_p, 1)[0]);
        xielu_n_ = xielu_beta_ + softplus(pass_.host(spec.xielu->alpha_n, 1)[0]);
    }
    return pass_.load(spec.gate, gate_, share.at(0.33)) && pass_.load(spec.up, up_, share.at(0.67)) &&
           pass_.load(spec.down, down_, share.at(1.0));
}

bool MlpPart::run(const Matrix& x, Matrix y, Share share) {
    const std::size_t width = static_cast<std::size_t>(spec_->up.out);
    Matrix up = pass_.reserve(up_rows_, x.rows, width), gate;
    if (!pass_.linear(x, up_, up, share.at(0.3))) return false;
    if (spec_->gate) {
        gate = pass_.reserve(gate_rows_, x.rows, width);
        if (!pass_.linear(x, gate_, gate, share.at(0.5))) return false;
    }
    if (!activate(up, gate, share.at(0.55))) return false;
    if (inner_norm_) pass_.norm(up, inner_norm_, up);
    return pass_.linear(up, down_, y, share.at(1.0));
}

// What down reads, into `up` (plan.h, MlpSpec).
bool MlpPart::activate(Matrix up, Matrix gate, double local) {
    Backend& backend = pass_.backend;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Matrix& acted = gate.empty() ? up : gate;
    if (spec_->limit > 0.0) {
        backend.clamp(-infinity, spec_->limit, acted);
        if (!gate.empty()) backend.clamp(-spec_->limit, spec_->limit, up);
    }
    if (spec_->alpha > 0.0) {  // g sigmoid(alpha g) = silu(alpha g) / alpha
        backend.scale(spec_->alpha, acted);
        backend.activate(Activation::silu, acted);
        backend.scale(1.0 / spec_->alpha, acted);
    } else if (spec_->xielu) {
        xielu(acted);
    } else {
        backend.activate(spec_->activation, acted);
    }
    if (!gate.empty()) {
        backend.multiply(gate, up);
        if (spec_->alpha > 0.0) backend.add(gate, up);  // (up + 1) ⊙ g
    }
    return pass_.meter.step("forward", local);
}

// By what the backend has (plan.h, XieluSpec): elu(n) - n of n = min(x, 0) is exp(x) - 1 - x below zero, and
// zero above.
void MlpPart::xielu(Matrix& x) {
    Backend& backend = pass_.backend;
    Matrix square = pass_.reserve(square_, x.rows, x.cols), bend = pass_.reserve(bend_, x.rows, x.cols);
    backend.copy(x, square);
    backend.clamp(-std::numeric_limits<double>::infinity(), 0.0, square);
    backend.copy(square, bend);
    backend.activate(Activation::elu, bend);
    backend.add(square, bend, -1.0);
    backend.copy(x, square);
    backend.activate(Activation::relu_squared, square);
    backend.scale(xielu_beta_, x);
    backend.add(square, x, xielu_p_);
    backend.add(bend, x, xielu_n_);
}

}  // namespace deadscope

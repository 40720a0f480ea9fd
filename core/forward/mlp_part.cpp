// See mlp_part.h.
#include "core/forward/mlp_part.h"

#include <limits>

namespace deadscope {

bool MlpPart::load(const MlpSpec& spec, Share share) {
    spec_ = &spec;
    pass_.load(spec.inner_norm, inner_norm_);
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
    } else {
        backend.activate(spec_->activation, acted);
    }
    if (!gate.empty()) {
        backend.multiply(gate, up);
        if (spec_->alpha > 0.0) backend.add(gate, up);  // (up + 1) ⊙ g
    }
    return pass_.meter.step("forward", local);
}

}  // namespace deadscope

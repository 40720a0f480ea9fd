// One feed-forward network: a block's own, one expert of a mixture, or what all tokens share beside them.
// Rows are independent, so the caller cuts them into pieces.
#pragma once

#include "core/forward/pass.h"

namespace deadscope {

// Thread rule: one thread.
class MlpPart {
public:
    explicit MlpPart(Pass& pass) : pass_(pass) {}

    // run() is about this network until the next call; spec outlives it.
    bool load(const MlpSpec& spec, Share share);
    // y [rows, d] = down(norm(act(up(x)))), or down(norm(act(gate(x)) ⊙ up(x))).
    bool run(const Matrix& x, Matrix y, Share share);

private:
    bool activate(Matrix up, Matrix gate, double local);
    void xielu(Matrix& x);

    Pass& pass_;
    const MlpSpec* spec_ = nullptr;
    LoadedLinear gate_, up_, down_;
    LoadedNorm inner_norm_;
    double xielu_p_ = 0.0, xielu_n_ = 0.0, xielu_beta_ = 0.0;
    Matrix up_rows_, gate_rows_, square_, bend_;  // slots, [rows, width]
};

}  // namespace deadscope

// What blocks add by the token alone (plan.h, LayerInputSpec). The stream that entered the first block is
// kept for it, so memory holds the residual stream twice.
#pragma once

#include "core/forward/embedding_parts.h"
#include "core/forward/pass.h"

namespace deadscope {

// Thread rule: one thread.
class LayerInput {
public:
    explicit LayerInput(Pass& pass) : pass_(pass) {}

    // Before the first block: keeps x [tokens, d] where any block has such an input.
    void keep(const Matrix& x);
    // A block's weights. False: cancelled.
    bool load(const LayerInputSpec& spec, double local);
    // Adds to rows x [count, d], of which the first is token `first`. False: cancelled.
    bool add(std::size_t first, Matrix x, double local);

private:
    Pass& pass_;
    const LayerInputSpec* spec_ = nullptr;  // the block's at work
    DistinctIds distinct_;
    LoadedLinear projection_, gate_, out_;
    LoadedNorm norm_, out_norm_;
    Matrix entered_;             // [tokens, d]
    Matrix table_;               // [distinct ids, width]
    Matrix own_, gated_, made_;  // slots, [piece, width] and [piece, d]
};

}  // namespace deadscope

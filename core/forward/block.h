// One block over all tokens: its weights are loaded, then chunks of whole sequences run through it, so that
// scratch memory does not grow with the input. A mixture of experts is run over all tokens at once, because
// its weights do not fit. How the branches meet the stream is here; the branches have their own files.
#pragma once

#include "core/forward/attention_part.h"
#include "core/forward/convolution.h"
#include "core/forward/layer_input.h"
#include "core/forward/mixture.h"
#include "core/forward/mlp_part.h"
#include "core/forward/pass.h"

namespace deadscope {

// Thread rule: one thread.
class BlockRunner {
public:
    explicit BlockRunner(Pass& pass);

    // X_{index} → X_{index + 1}, in place; x [tokens, d]. Where this is a post-norm encoder's last block, its
    // last norm's input is shown to the tap on the way. False: cancelled.
    bool run(std::size_t index, Matrix& x);

private:
    struct Branch {  // what happens to its output before it is added
        LoadedNorm out_norm;
        Matrix scale;  // [1, d] or empty
    };

    bool load(const BlockSpec& spec);
    bool load_branch(const std::optional<NormSpec>& norm, const WeightRef& scale, Branch& to);
    bool run_chunk(const Chunk& chunk, Matrix x);
    bool run_piece(Matrix mixed, std::size_t first, Matrix x, Share share);
    bool run_mixture(Matrix& x);
    void join(const Branch& branch, Matrix delta, Matrix x);
    bool leave(std::size_t first, Matrix x, double local);
    std::size_t piece_rows() const;

    Pass& pass_;
    bool pre_;  // the plan's norm position
    AttentionPart attention_;
    MlpPart mlp_;
    Mixture mixture_;
    LayerInput layer_input_;
    BesideBlock beside_;
    std::vector<Chunk> chunks_;
    std::size_t longest_chunk_ = 0;  // rows
    double load_share_ = 0.0;        // of a block's time that goes into its weights

    const BlockSpec* spec_ = nullptr;  // the block at work
    std::size_t piece_ = 0;            // rows of a piece
    std::size_t stream_ = 0;           // index of the stream behind it
    bool show_norm_input_ = false;     // of its mlp_norm
    double output_scale_ = 1.0;
    LoadedNorm attention_norm_, mlp_norm_;
    Branch attention_branch_, mlp_branch_;
    Matrix h_, delta_;                // slots, [piece, d]
    Matrix entered_, mixed_experts_;  // slots, [tokens, d], for mixtures and convolutions
};

}  // namespace deadscope

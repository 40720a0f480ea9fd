// One block over all tokens: its weights are loaded, then chunks of whole sequences run through it, so that
// scratch memory does not grow with the input.
#pragma once

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
    struct Weights {
        LoadedLinear q, k, v, o, gate, up, down;
        LoadedNorm attention_norm, mlp_norm;
    };
    struct Scratch {        // rows of one chunk, and of one piece of it
        Matrix q, k, v, a;  // [chunk, heads · head_dim], k and v [chunk, kv_heads · head_dim]
        Matrix h, delta;    // [piece, d]
        Matrix up, gate;    // [piece, width of the MLP]
    };
    struct Chunk {  // whole sequences
        std::size_t first = 0, rows = 0;
        SequenceLayout layout;  // from 0
    };

    bool load(const BlockSpec& spec);
    bool run_chunk(const BlockSpec& spec, const Chunk& chunk, Matrix x);
    bool project(const BlockSpec& spec, const Matrix& x);
    bool attend(const AttentionSpec& spec, const Chunk& chunk);
    bool finish_piece(const BlockSpec& spec, const Matrix& a, std::size_t first, Matrix x);
    bool mlp(const MlpSpec& spec, const Matrix& x, Matrix y);
    std::size_t piece_rows(const BlockSpec& spec) const;
    double local(double within_chunk) const;

    Pass& pass_;
    std::vector<Chunk> chunks_;
    std::size_t longest_chunk_ = 0;  // rows
    std::size_t piece_ = 0;          // rows of a piece, for the block at work
    double load_share_ = 0.0;        // of a block's time that goes into its weights
    Chunk const* at_ = nullptr;      // the chunk at work
    std::size_t stream_ = 0;         // index of the stream behind this block
    bool show_norm_input_ = false;   // of this block's mlp_norm
    Weights weights_;
    Scratch scratch_;
};

}  // namespace deadscope

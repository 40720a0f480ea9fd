// The attention of one block: projections, what is done to queries, keys and values (clipping, norms inside
// the heads, rotation), and the mixing of tokens. The norm before it and what its output is added to are
// block.h's.
#pragma once

#include <map>
#include <set>

#include "core/forward/pass.h"

namespace deadscope {

// Thread rule: one thread.
class AttentionPart {
public:
    // longest_chunk: rows of the longest chunk that run() will be given.
    AttentionPart(Pass& pass, std::size_t longest_chunk);

    // The weights of block `index`; run() and output() are about that block until the next call.
    bool load(std::size_t index, Share share);

    // What o reads, for the rows x of a chunk, in pieces of at most `piece` rows; x is normed by `norm` where
    // there is one. `mixed` [chunk rows, heads · value_dim] is valid until the next call.
    bool run(const Chunk& chunk, const Matrix& x, const LoadedNorm& norm, std::size_t piece, Share share,
             Matrix& mixed);

    // y = o(inner_norm(mixed)); `mixed` is overwritten.
    bool output(Matrix mixed, Matrix y, double local);

private:
    struct Kept {
        Matrix k, v;  // [tokens, kv_heads · head_dim], [tokens, kv_heads · value_dim]
    };

    bool load_score_terms(Share share);
    bool load_places(const DisentangledSpec& spec, Share share);
    void load_distances();
    void choose_keys(const Chunk& chunk);
    bool project(const Matrix& h, std::size_t first, Share share);
    bool project_keys(const Matrix& h, std::size_t first, Share share);
    bool shape(const Chunk& chunk, double local);
    bool rotate(const Chunk& chunk, Matrix& m, double local);
    void load_patch_angles();
    void rotate_by_patch(const Chunk& chunk, Matrix& m);
    bool mix(const Chunk& chunk, Share share);
    bool mix_group(std::size_t first, const SequenceLayout& group, double cost, double local);
    void mix_heads(std::size_t first, const SequenceLayout& group, const AttentionCall& part,
                   std::size_t head, std::size_t kv_head);

    Pass& pass_;
    std::size_t longest_chunk_;
    std::set<std::size_t> kept_blocks_;  // those whose keys and values later blocks read
    std::map<std::size_t, Kept> kept_;

    const AttentionSpec* spec_ = nullptr;  // of the block at work
    std::size_t index_ = 0;
    RotarySpec rotary_;   // the one for this input's length
    AttentionCall call_;  // all heads of the block
    std::vector<std::int32_t> place_of_;
    std::vector<double> sinks_;
    LoadedLinear q_, k_, v_, o_, q_down_, kv_down_, k_rope_;
    LoadedNorm q_norm_, k_norm_, v_norm_, inner_norm_, latent_q_norm_, latent_kv_norm_;

    Matrix cosines_, sines_, swapped_;         // [patches of a picture, head_dim], the last a slot
    Matrix at_k_, at_v_;                       // of the chunk at work: of kept_ or of the slots below
    Matrix q_rows_, k_rows_, v_rows_, mixed_;  // slots, [longest chunk, heads · head_dim] and so on
    Matrix h_, q_latent_, kv_latent_, k_own_, k_shared_;  // slots, rows of a piece
};

}  // namespace deadscope

// Attention's arithmetic on what stays in the caches: one block of queries beside one tile of keys, its
// scores transposed, so that the maxima and sums over keys run down columns of them. Written with vectors of
// the processor at hand. Which blocks there are, and what is added to their scores, is attention.cpp's.
#pragma once

#include <cstddef>
#include <vector>

namespace deadscope::cpu {

// Keys of a tile: 16 KiB of scores of a block where vectors are longest.
constexpr std::size_t key_tile = 128;
// Elements that rows of values are padded to, a multiple of every vector's.
constexpr std::size_t value_padding = 16;

// Query i sees keys i - back to i + forward; indices are of one sequence.
struct Sight {
    std::ptrdiff_t back, forward;
};

// A block at work: queries [query, query + queries) of one head beside keys [key, key + keys) of which the
// ones that some query sees are [first, last), counted from `key`. `width` is AttentionKernels' of the type.
template <typename T>
struct AttentionBlock {
    std::size_t queries, depth,
        value_dim;  // depth: channels of a query; value_dim: a multiple of value_padding
    std::ptrdiff_t query, key;
    std::size_t first, last;
    Sight sight;
    const T* q;      // [depth, width]
    const T* k;      // [key_tile, depth]
    const T* v;      // [key_tile, value_dim]
    T* scores;       // [key_tile, width]
    T *top, *total;  // [width]: of each query the greatest score so far, and Σ 2^(score - top)
    T* fade;         // [width]: what older sums are to be multiplied by
    T* out;          // [width, value_dim]: Σ 2^(score - top) v
};

// Thread rule: immutable; any thread. All take scores in units of ln 2.
template <typename T>
struct AttentionKernels {
    std::size_t width;  // the most queries of a block
    // scores = factor · k q for the keys [first, last).
    void (*multiply)(const AttentionBlock<T>&, T factor);
    // Scores become weights 2^(score - top), zero where the key is not seen; top, total and fade follow.
    void (*weigh)(const AttentionBlock<T>&);
    // out = fade · out + weights v.
    void (*mix)(const AttentionBlock<T>&);
};

// Those that this processor can run, the fastest first.
template <typename T>
const std::vector<AttentionKernels<T>>& attention_levels();

}  // namespace deadscope::cpu

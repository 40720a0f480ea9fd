// Attention in tiles of queries and of keys: a tile of keys is multiplied, weighed and mixed in while its
// scores are in the caches, by running maxima and sums (softmax "online", as in FlashAttention), so that
// memory does not grow with the sequence. Tiles of queries of all sequences and heads are shared out over the
// pool. Only keys within reach of a block of queries are multiplied.
#pragma once

#include <cstddef>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cpu/gemm.h"
#include "core/base/thread_pool.h"

namespace deadscope::cpu {

// What one thread works on, kept between calls.
template <typename T>
struct AttentionScratch {
    std::vector<T> queries, out;      // of all blocks of a tile, as AttentionBlock has them
    std::vector<T> top, total, fade;  // [blocks, width]; fade [width]
    std::vector<T> keys, values,
        scores;                          // [key_tile, depth], [key_tile, padded value_dim], [key_tile, width]
    std::vector<T> of_queries, of_keys;  // [queries of a block, places], [key_tile, places]
};

// The matrices of an AttentionCall; data null where absent.
template <typename T>
struct AttentionOperands {
    Operand<T> q, k, v;
    Operand<T> by_distance, by_key, key_places, query_places;
    T* out;
    std::size_t out_stride;
};

// See AttentionCall in backend.h; scratch has one element per thread of the pool.
template <typename T>
void attend(const AttentionCall& call, const SequenceLayout& layout, const AttentionOperands<T>& operands,
            std::vector<AttentionScratch<T>>& scratch, ThreadPool& pool);

}  // namespace deadscope::cpu

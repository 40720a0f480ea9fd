// Attention in tiles of queries, so that memory is tile × longest sequence per thread and never T². Tiles of
// all sequences and heads are shared out over the pool; the products are OpenBLAS's. Only keys within reach
// of a tile are multiplied.
#pragma once

#include <cstddef>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cpu/gemm.h"
#include "core/base/thread_pool.h"

namespace deadscope::cpu {

constexpr std::size_t attention_tile = 128;  // queries

// What one thread works on, kept between calls.
template <typename T>
struct AttentionScratch {
    std::vector<T> scores;               // [attention_tile, keys in reach]
    std::vector<T> of_queries, of_keys;  // [attention_tile, places], [keys in reach, places]
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

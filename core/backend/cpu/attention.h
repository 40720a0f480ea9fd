// Attention in tiles of queries, so that memory is tile × longest sequence per thread and never T². Tiles of
// all sequences and heads are shared out over the pool; the products are OpenBLAS's.
#pragma once

#include <cstddef>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cpu/gemm.h"
#include "core/base/thread_pool.h"

namespace deadscope::cpu {

constexpr std::size_t attention_tile = 128;  // queries

// Scores of one tile per thread, kept between calls.
template <typename T>
struct AttentionScratch {
    std::vector<std::vector<T>> scores;  // [threads][attention_tile, longest sequence]
};

// out = softmax(scale · q kᵀ, causal or not) v, for every head of every sequence. q and out [tokens, heads ·
// head_dim], k and v [tokens, kv_heads · head_dim]; head h reads key/value head h / (heads / kv_heads).
template <typename T>
void attend(const AttentionSpec& spec, const SequenceLayout& layout, Operand<T> q, Operand<T> k, Operand<T> v,
            T* out, std::size_t out_stride, AttentionScratch<T>& scratch, ThreadPool& pool);

}  // namespace deadscope::cpu

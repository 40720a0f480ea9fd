// See attention.h.
#include "core/backend/cpu/attention.h"

#include <algorithm>

#include "core/backend/cpu/row_kernels.h"

namespace deadscope::cpu {
namespace {

// Queries [first, last) of the sequence whose rows begin at `start`; both relative to it.
struct QueryTile {
    std::size_t start, length, first, last;
};

std::vector<QueryTile> query_tiles(const SequenceLayout& layout) {
    std::vector<QueryTile> tiles;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t start = layout.starts[s], length = layout.starts[s + 1] - start;
        for (std::size_t first = 0; first < length; first += attention_tile) {
            tiles.push_back({start, length, first, std::min(length, first + attention_tile)});
        }
    }
    return tiles;
}

}  // namespace

template <typename T>
void attend(const AttentionSpec& spec, const SequenceLayout& layout, Operand<T> q, Operand<T> k, Operand<T> v,
            T* out, std::size_t out_stride, AttentionScratch<T>& scratch, ThreadPool& pool) {
    const std::size_t heads = static_cast<std::size_t>(spec.heads),
                      width = static_cast<std::size_t>(spec.head_dim);
    const std::size_t group = heads / static_cast<std::size_t>(spec.kv_heads);
    const std::vector<QueryTile> tiles = query_tiles(layout);
    std::size_t longest = 0;
    for (const QueryTile& tile : tiles) longest = std::max(longest, tile.length);
    scratch.scores.resize(static_cast<std::size_t>(pool.threads()));
    for (auto& scores : scratch.scores)
        scores.resize(std::max(scores.size(), std::min(attention_tile, longest) * longest));

    pool.parallel_for(tiles.size() * heads, [&](std::size_t task, std::size_t worker) {
        const QueryTile& tile = tiles[task / heads];
        const std::size_t head = task % heads, kv_offset = head / group * width;
        const std::size_t rows = tile.last - tile.first;
        const std::size_t keys =
            spec.causal ? tile.last : tile.length;  // a later key is masked for every query here
        const std::size_t query_row = tile.start + tile.first;
        T* scores = scratch.scores[worker].data();  // [rows, keys]
        gemm<T>(rows, keys, width, static_cast<T>(spec.scale),
                {q.data + query_row * q.stride + head * width, q.stride},
                {k.data + tile.start * k.stride + kv_offset, k.stride, true}, T{0}, scores, keys);
        for (std::size_t i = 0; i < rows; ++i) {
            softmax_row(scores + i * keys, spec.causal ? tile.first + i + 1 : keys, keys);
        }
        gemm<T>(rows, width, keys, T{1}, {scores, keys},
                {v.data + tile.start * v.stride + kv_offset, v.stride}, T{0},
                out + query_row * out_stride + head * width, out_stride);
    });
}

template void attend<float>(const AttentionSpec&, const SequenceLayout&, Operand<float>, Operand<float>,
                            Operand<float>, float*, std::size_t, AttentionScratch<float>&, ThreadPool&);
template void attend<double>(const AttentionSpec&, const SequenceLayout&, Operand<double>, Operand<double>,
                             Operand<double>, double*, std::size_t, AttentionScratch<double>&, ThreadPool&);

}  // namespace deadscope::cpu

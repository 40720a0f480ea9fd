// See attention.h.
#include "core/backend/cpu/attention.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "core/backend/cpu/row_kernels.h"

namespace deadscope::cpu {
namespace {

// Indices from `first` to before `last`.
struct Range {
    std::size_t first, last;
    std::size_t size() const { return last - first; }
};

// Queries of the sequence whose rows begin at `start`, and the keys that any of them sees; both relative to
// it.
struct Tile {
    std::size_t start, length;
    Range queries, keys;
};

// Keys that query i of a sequence sees.
Range seen(const AttentionCall& call, std::size_t i, std::size_t length) {
    Range keys{0, call.causal ? i + 1 : length};
    if (call.window == 0) return keys;
    const std::size_t back = call.causal ? call.window - 1 : call.window;
    if (i > back) keys.first = i - back;
    if (!call.causal) keys.last = i + std::min(call.window, length - 1 - i) + 1;
    return keys;
}

std::vector<Tile> tiles_of(const AttentionCall& call, const SequenceLayout& layout) {
    std::vector<Tile> tiles;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t start = layout.starts[s], length = layout.starts[s + 1] - start;
        const std::size_t end = std::min(length, call.last_query);
        for (std::size_t first = call.first_query; first < end; first += attention_tile) {
            const std::size_t last = std::min(end, first + attention_tile);
            const Range keys{seen(call, first, length).first, seen(call, last - 1, length).last};
            tiles.push_back({start, length, {first, last}, keys});
        }
    }
    return tiles;
}

// One tile of one head. Thread rule: local to a task.
template <typename T>
class TileTask {
public:
    TileTask(const AttentionCall& call, const AttentionOperands<T>& operands, const Tile& tile,
             std::size_t head, AttentionScratch<T>& scratch)
        : call_(call), at_(operands), tile_(tile), head_(head), scratch_(scratch) {
        const std::size_t kv_head = head / (call.heads / call.kv_heads);
        const std::size_t query = tile.start + tile.queries.first, key = tile.start + tile.keys.first;
        q_ = {at_.q.data + query * at_.q.stride + head * call.head_dim, at_.q.stride};
        k_ = {at_.k.data + key * at_.k.stride + kv_head * call.head_dim, at_.k.stride};
        v_ = {at_.v.data + key * at_.v.stride + kv_head * call.value_dim, at_.v.stride};
        out_ = at_.out + query * at_.out_stride + head * call.value_dim;
    }

    void run() {
        const std::size_t rows = tile_.queries.size(), keys = tile_.keys.size();
        T* scores = scratch_.scores.data();
        product(q_, rows, k_, keys, scores);
        add_tables(scores);
        if (!call_.place_of.empty()) add_places(scores);
        const T sink =
            call_.sinks.empty() ? -std::numeric_limits<T>::infinity() : static_cast<T>(call_.sinks[head_]);
        for (std::size_t i = 0; i < rows; ++i) {
            T* row = scores + i * keys;
            const Range range = seen(call_, tile_.queries.first + i, tile_.length);
            const std::size_t first = range.first - tile_.keys.first;
            if (call_.cap > 0.0) cap_row(static_cast<T>(call_.cap), row + first, range.size());
            std::fill_n(row, first, T{0});
            softmax_row(row + first, range.size(), keys - first, sink);
        }
        gemm<T>(rows, call_.value_dim, keys, T{1}, {scores, keys}, v_, T{0}, out_, at_.out_stride);
    }

private:
    // c [m, n] = scale · a bᵀ, over the channels of a head.
    void product(Operand<T> a, std::size_t m, Operand<T> b, std::size_t n, T* c) const {
        b.transposed = true;
        gemm<T>(m, n, call_.head_dim, static_cast<T>(call_.scale), a, b, T{0}, c, n);
    }

    void add_tables(T* scores) const {
        const std::size_t rows = tile_.queries.size(), keys = tile_.keys.size();
        for (std::size_t i = 0; i < rows && at_.by_distance.data != nullptr; ++i) {
            const std::size_t reach = (call_.by_distance.cols + 1) / 2;
            const std::size_t first = reach - 1 + tile_.keys.first - (tile_.queries.first + i);
            add_to_row(at_.by_distance.data + head_ * at_.by_distance.stride + first, keys,
                       scores + i * keys);
        }
        for (std::size_t i = 0; i < rows && at_.by_key.data != nullptr; ++i) {
            add_to_row(at_.by_key.data + head_ * at_.by_key.stride + tile_.keys.first, keys,
                       scores + i * keys);
        }
    }

    // Products with the tables of places are taken for the places that distances in this tile have.
    void add_places(T* scores) {
        const std::size_t rows = tile_.queries.size(), keys = tile_.keys.size();
        const std::size_t reach = (call_.place_of.size() + 1) / 2;
        const std::size_t least = reach - 1 + tile_.queries.first - (tile_.keys.last - 1);
        const auto used = call_.place_of.subspan(least, rows + keys - 1);  // [c - j]: i - j less the least
        const auto [lowest, highest] = std::minmax_element(used.begin(), used.end());
        const std::size_t low = static_cast<std::size_t>(*lowest);
        const std::size_t places = static_cast<std::size_t>(*highest) - low + 1;
        const auto table = [&](const Operand<T>& of) {
            return Operand<T>{of.data + low * of.stride + head_ * call_.head_dim, of.stride};
        };
        if (at_.key_places.data != nullptr) {
            scratch_.of_queries.resize(std::max(scratch_.of_queries.size(), rows * places));
            product(q_, rows, table(at_.key_places), places, scratch_.of_queries.data());
        }
        if (at_.query_places.data != nullptr) {
            scratch_.of_keys.resize(std::max(scratch_.of_keys.size(), keys * places));
            product(k_, keys, table(at_.query_places), places, scratch_.of_keys.data());
        }
        for (std::size_t i = 0; i < rows; ++i) {
            const T* of_query = scratch_.of_queries.data() + i * places;
            for (std::size_t j = 0; j < keys; ++j) {
                const std::size_t place = static_cast<std::size_t>(used[i + keys - 1 - j]) - low;
                if (at_.key_places.data != nullptr) scores[i * keys + j] += of_query[place];
                if (at_.query_places.data != nullptr)
                    scores[i * keys + j] += scratch_.of_keys[j * places + place];
            }
        }
    }

    const AttentionCall& call_;
    const AttentionOperands<T>& at_;
    const Tile& tile_;
    std::size_t head_;
    AttentionScratch<T>& scratch_;
    Operand<T> q_{}, k_{}, v_{};  // of this head, from the tile's first query and key
    T* out_;
};

}  // namespace

template <typename T>
void attend(const AttentionCall& call, const SequenceLayout& layout, const AttentionOperands<T>& operands,
            std::vector<AttentionScratch<T>>& scratch, ThreadPool& pool) {
    const std::vector<Tile> tiles = tiles_of(call, layout);
    std::size_t most = 0;  // scores of a tile
    for (const Tile& tile : tiles) most = std::max(most, tile.queries.size() * tile.keys.size());
    scratch.resize(static_cast<std::size_t>(pool.threads()));
    for (AttentionScratch<T>& one : scratch) one.scores.resize(std::max(one.scores.size(), most));
    pool.parallel_for(tiles.size() * call.heads, [&](std::size_t task, std::size_t worker) {
        TileTask<T>(call, operands, tiles[task / call.heads], task % call.heads, scratch[worker]).run();
    });
}

template void attend<float>(const AttentionCall&, const SequenceLayout&, const AttentionOperands<float>&,
                            std::vector<AttentionScratch<float>>&, ThreadPool&);
template void attend<double>(const AttentionCall&, const SequenceLayout&, const AttentionOperands<double>&,
                             std::vector<AttentionScratch<double>>&, ThreadPool&);

}  // namespace deadscope::cpu

// See attention.h.
#include "core/backend/cpu/attention.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numbers>

#include "core/backend/cpu/attention_block.h"
#include "core/backend/cpu/row_kernels.h"

namespace deadscope::cpu {
namespace {

std::ptrdiff_t signed_of(std::size_t value) {
    return static_cast<std::ptrdiff_t>(value);
}

std::size_t share(std::size_t all, std::size_t parts) {
    return (all + parts - 1) / parts;
}

// Queries [first, last) of the sequence whose rows begin at `start`, of heads that read the same keys.
struct Tile {
    std::size_t start, length;
    std::size_t first, last;
    std::size_t head, heads;
};

// Without a window as far as any sequence reaches.
Sight sight_of(const AttentionCall& call, std::size_t longest) {
    const std::ptrdiff_t far = signed_of(longest), window = signed_of(std::min(call.window, longest));
    if (call.causal) return {call.window == 0 ? far : window - 1, 0};
    return call.window == 0 ? Sight{far, far} : Sight{window, window};
}

// Keys are brought in once for all queries of a tile: many queries make that cheap, and heads that share keys
// stand in for each other; yet each thread wants a few tiles.
struct Sizes {
    std::size_t width;           // queries of a block
    std::size_t queries, heads;  // of a tile at most
};
Sizes sizes_of(const AttentionCall& call, const SequenceLayout& layout, std::size_t width,
               std::size_t threads) {
    constexpr std::size_t most_rows = 576, tiles_each = 4;
    std::size_t rows = 0;  // queries of all heads
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t end = std::min(layout.starts[s + 1] - layout.starts[s], call.last_query);
        rows += (end - std::min(end, call.first_query)) * call.heads;
    }
    const std::size_t wanted = std::clamp(rows / (threads * tiles_each), width, std::max(width, most_rows));
    const std::size_t blocks = wanted / width, shared = call.heads / call.kv_heads;
    const std::size_t heads = share(shared, share(shared, std::max<std::size_t>(1, blocks / 2)));
    return {width, std::max<std::size_t>(1, blocks / heads) * width, heads};
}

// In the order of their sequences, the last queries of each first: those see most keys, where attention is
// causal, and what is short had better come last.
std::vector<Tile> tiles_of(const AttentionCall& call, const SequenceLayout& layout, const Sizes& sizes) {
    std::vector<Tile> tiles;
    const std::size_t shared = call.heads / call.kv_heads;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t start = layout.starts[s], length = layout.starts[s + 1] - start;
        const std::size_t end = std::min(length, call.last_query), begin = std::min(end, call.first_query);
        const std::size_t parts = std::max<std::size_t>(1, share(end - begin, sizes.queries));
        const std::size_t each = share(share(end - begin, parts), sizes.width) * sizes.width;
        for (std::size_t last = end; last > begin;) {
            const std::size_t many = std::min(each, last - begin);
            for (std::size_t head = 0; head < call.heads;) {
                const std::size_t heads = std::min(sizes.heads, shared - head % shared);
                tiles.push_back({start, length, last - many, last, head, heads});
                head += heads;
            }
            last -= many;
        }
    }
    return tiles;
}

// One tile. Thread rule: local to a task.
template <typename T>
class TileTask {
public:
    TileTask(const AttentionCall& call, const AttentionOperands<T>& operands, const Sight& sight,
             const Tile& tile, AttentionScratch<T>& scratch)
        : call_(call),
          at_(operands),
          sight_(sight),
          tile_(tile),
          scratch_(scratch),
          kernels_(attention_levels<T>().front()),
          width_(kernels_.width),
          padded_((call.value_dim + value_padding - 1) / value_padding * value_padding),
          each_((tile.last - tile.first + width_ - 1) / width_),
          terms_(at_.by_distance.data != nullptr || at_.by_key.data != nullptr || !call.place_of.empty() ||
                 call.cap > 0.0) {}

    void run() {
        begin();
        const std::ptrdiff_t length = signed_of(tile_.length);
        const std::ptrdiff_t least = signed_of(tile_.first) - sight_.back;
        const std::ptrdiff_t most = signed_of(tile_.last) + sight_.forward;
        const std::size_t end = static_cast<std::size_t>(std::min(most, length));
        for (std::size_t key = static_cast<std::size_t>(std::max<std::ptrdiff_t>(least, 0)); key < end;
             key += key_tile) {
            const std::size_t keys = std::min(key_tile, end - key);
            bring_in(key, keys);
            for (std::size_t block = 0; block < each_ * tile_.heads; ++block) work(block, key, keys);
        }
        for (std::size_t block = 0; block < each_ * tile_.heads; ++block) finish(block);
    }

private:
    std::size_t query_of(std::size_t block) const { return tile_.first + block % each_ * width_; }
    std::size_t queries_of(std::size_t block) const { return std::min(width_, tile_.last - query_of(block)); }
    std::size_t head_of(std::size_t block) const { return tile_.head + block / each_; }
    std::size_t kv_head() const { return tile_.head / (call_.heads / call_.kv_heads); }

    // Room for a tile, and its queries turned over.
    void begin() {
        const std::size_t blocks = each_ * tile_.heads, depth = call_.head_dim;
        const auto room = [](std::vector<T>& v, std::size_t count) { v.resize(std::max(v.size(), count)); };
        room(scratch_.queries, blocks * depth * width_);
        room(scratch_.keys, key_tile * depth);
        room(scratch_.values, key_tile * padded_);
        room(scratch_.scores, key_tile * width_);
        room(scratch_.fade, width_);
        room(scratch_.top, blocks * width_);
        scratch_.out.assign(blocks * width_ * padded_, T{0});
        scratch_.total.assign(blocks * width_, call_.sinks.empty() ? T{0} : T{1});
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::size_t head = head_of(block), queries = queries_of(block);
            const T top = call_.sinks.empty()
                              ? std::numeric_limits<T>::lowest()
                              : static_cast<T>(call_.sinks[head] * std::numbers::log2e_v<double>);
            std::fill_n(scratch_.top.data() + block * width_, width_, top);
            T* to = scratch_.queries.data() + block * depth * width_;
            for (std::size_t i = 0; i < queries; ++i) {
                const T* from = query(head, query_of(block) + i);
                for (std::size_t c = 0; c < depth; ++c) to[c * width_ + i] = from[c];
            }
        }
    }

    const T* query(std::size_t head, std::size_t i) const {
        return at_.q.data + (tile_.start + i) * at_.q.stride + head * call_.head_dim;
    }

    void bring_in(std::size_t key, std::size_t keys) {
        const T* k = at_.k.data + (tile_.start + key) * at_.k.stride + kv_head() * call_.head_dim;
        const T* v = at_.v.data + (tile_.start + key) * at_.v.stride + kv_head() * call_.value_dim;
        for (std::size_t j = 0; j < keys; ++j) {
            std::copy_n(k + j * at_.k.stride, call_.head_dim, scratch_.keys.data() + j * call_.head_dim);
            std::copy_n(v + j * at_.v.stride, call_.value_dim, scratch_.values.data() + j * padded_);
        }
    }

    void work(std::size_t block, std::size_t key, std::size_t keys) {
        const std::size_t queries = queries_of(block);
        const std::ptrdiff_t query = signed_of(query_of(block)), at = signed_of(key);
        const auto inside = [&](std::ptrdiff_t j) {
            return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(j - at, 0, signed_of(keys)));
        };
        const AttentionBlock<T> b{queries,
                                  call_.head_dim,
                                  padded_,
                                  query,
                                  at,
                                  inside(query - sight_.back),
                                  inside(query + signed_of(queries) + sight_.forward),
                                  sight_,
                                  scratch_.queries.data() + block * call_.head_dim * width_,
                                  scratch_.keys.data(),
                                  scratch_.values.data(),
                                  scratch_.scores.data(),
                                  scratch_.top.data() + block * width_,
                                  scratch_.total.data() + block * width_,
                                  scratch_.fade.data(),
                                  scratch_.out.data() + block * width_ * padded_};
        if (b.first >= b.last) return;
        constexpr double base = std::numbers::log2e_v<double>;
        kernels_.multiply(b, static_cast<T>(terms_ ? call_.scale : call_.scale * base));
        if (terms_) add_terms(b, head_of(block));
        kernels_.weigh(b);
        kernels_.mix(b);
    }

    void finish(std::size_t block) {
        const std::size_t head = head_of(block), queries = queries_of(block);
        const T* from = scratch_.out.data() + block * width_ * padded_;
        for (std::size_t i = 0; i < queries; ++i, from += padded_) {
            const T scale = T{1} / scratch_.total[block * width_ + i];
            T* to = at_.out + (tile_.start + query_of(block) + i) * at_.out_stride + head * call_.value_dim;
            for (std::size_t c = 0; c < call_.value_dim; ++c) to[c] = from[c] * scale;
        }
    }

    // What is added to the scores, and the cap; then they are in units of ln 2.
    void add_terms(const AttentionBlock<T>& b, std::size_t head) {
        if (!call_.place_of.empty()) add_places(b, head);
        for (std::size_t j = b.first; j < b.last; ++j) {
            T* row = b.scores + j * width_;
            const std::size_t key = static_cast<std::size_t>(b.key) + j;
            const std::size_t query = static_cast<std::size_t>(b.query);
            if (at_.by_distance.data != nullptr) {
                const std::size_t reach = (call_.by_distance.cols + 1) / 2;
                const T* last =
                    at_.by_distance.data + head * at_.by_distance.stride + (reach - 1 + key - query);
                for (std::size_t i = 0; i < b.queries; ++i) row[i] += *(last - i);
            }
            const T more =
                at_.by_key.data == nullptr ? T{0} : at_.by_key.data[head * at_.by_key.stride + key];
            for (std::size_t i = 0; i < b.queries; ++i) row[i] += more;
            if (call_.cap > 0.0) cap_row(static_cast<T>(call_.cap), row, b.queries);
            for (std::size_t i = 0; i < b.queries; ++i)
                row[i] *= static_cast<T>(std::numbers::log2e_v<double>);
        }
    }

    // Products with the tables of places are taken for the places that distances in this block have.
    void add_places(const AttentionBlock<T>& b, std::size_t head) {
        const std::size_t reach = (call_.place_of.size() + 1) / 2, keys = b.last - b.first;
        const std::size_t query = static_cast<std::size_t>(b.query);
        const std::size_t key = static_cast<std::size_t>(b.key) + b.first;
        const std::size_t least = reach - 1 + query - (key + keys - 1);
        const auto used = call_.place_of.subspan(least, b.queries + keys - 1);  // [i - j]: less the least
        const auto [lowest, highest] = std::minmax_element(used.begin(), used.end());
        const std::size_t low = static_cast<std::size_t>(*lowest);
        const std::size_t places = static_cast<std::size_t>(*highest) - low + 1;
        const auto product = [&](Operand<T> rows, std::size_t count, const Operand<T>& table,
                                 std::vector<T>& to) {
            if (table.data == nullptr) return;
            to.resize(std::max(to.size(), count * places));
            const T* from = table.data + low * table.stride + head * call_.head_dim;
            gemm<T>(count, places, call_.head_dim, static_cast<T>(call_.scale), rows,
                    {from, table.stride, true}, T{0}, to.data(), places);
        };
        product({this->query(head, query), at_.q.stride}, b.queries, at_.key_places, scratch_.of_queries);
        product({b.k + b.first * b.depth, b.depth}, keys, at_.query_places, scratch_.of_keys);
        for (std::size_t j = 0; j < keys; ++j) {
            T* row = b.scores + (b.first + j) * width_;
            for (std::size_t i = 0; i < b.queries; ++i) {
                const std::size_t place = static_cast<std::size_t>(used[i + keys - 1 - j]) - low;
                if (at_.key_places.data != nullptr) row[i] += scratch_.of_queries[i * places + place];
                if (at_.query_places.data != nullptr) row[i] += scratch_.of_keys[j * places + place];
            }
        }
    }

    const AttentionCall& call_;
    const AttentionOperands<T>& at_;
    const Sight& sight_;
    const Tile& tile_;
    AttentionScratch<T>& scratch_;
    const AttentionKernels<T>& kernels_;
    std::size_t width_, padded_;  // queries of a block; a row of values
    std::size_t each_;            // blocks of a head
    bool terms_;
};

}  // namespace

template <typename T>
void attend(const AttentionCall& call, const SequenceLayout& layout, const AttentionOperands<T>& operands,
            std::vector<AttentionScratch<T>>& scratch, ThreadPool& pool) {
    std::size_t longest = 0;
    for (std::size_t s = 0; s < layout.sequences(); ++s)
        longest = std::max(longest, layout.starts[s + 1] - layout.starts[s]);
    const std::size_t threads = static_cast<std::size_t>(pool.threads());
    const Sizes sizes = sizes_of(call, layout, attention_levels<T>().front().width, threads);
    const std::vector<Tile> tiles = tiles_of(call, layout, sizes);
    const Sight sight = sight_of(call, longest);
    scratch.resize(threads);
    pool.parallel_for(tiles.size(), [&](std::size_t task, std::size_t worker) {
        TileTask<T>(call, operands, sight, tiles[task], scratch[worker]).run();
    });
}

template void attend<float>(const AttentionCall&, const SequenceLayout&, const AttentionOperands<float>&,
                            std::vector<AttentionScratch<float>>&, ThreadPool&);
template void attend<double>(const AttentionCall&, const SequenceLayout&, const AttentionOperands<double>&,
                             std::vector<AttentionScratch<double>>&, ThreadPool&);

}  // namespace deadscope::cpu

// What one block of threads does in an attention, in tiles with a running softmax: it takes 64 rows of one
// key/value head's queries (a row is a query of one of the query heads that share it) and goes over the keys
// that any of them sees; scores stand in registers, weights in shared memory, and nothing grows with the
// sequence. Launches are attention.cu's.
#pragma once

#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda::tiled {

constexpr int threads_across = 16;  // keys, then channels of the values
constexpr int rows_per_thread = 4;
constexpr int tile_rows = rows_per_thread * (block_threads / threads_across);  // 64

// An attention as the kernel reads it. Positions are places in their sequence.
template <typename T>
struct Problem {
    Rows<const T> q, k, v, by_distance, by_key, key_places, query_places;
    Rows<T> out;
    const std::int32_t* place_of;
    const double* sinks;
    const std::int32_t* starts;
    Arithmetic<T> scale{}, cap{};
    int head_dim = 0, value_dim = 0, heads_per_key = 0, heads_per_tile = 0;
    int distance_zero = 0, place_zero = 0;  // entry of by_distance and of place_of that is distance 0
    int window = 0, first_query = 0, last_query = 0;
    bool causal = true;
    // Blocks: sequences × kv_heads × tiles of queries × parts, the last the fastest; a part is some of the
    // heads that share the keys, and some of the channels of the values.
    std::size_t kv_heads = 0;
    int tiles = 0, head_parts = 0, value_parts = 0;

    __host__ __device__ int queries_per_tile() const { return tile_rows / heads_per_tile; }
    __device__ int first_key(int query) const {
        const int back = causal ? window - 1 : window;
        return window > 0 && query > back ? query - back : 0;
    }
    __device__ int last_key(int query, int length) const {  // behind the last
        if (causal) return query + 1;
        return window > 0 && window < length - 1 - query ? query + window + 1 : length;
    }
};

// What one block does; `row` is one of its tile_rows.
template <typename T>
struct Tile {
    std::size_t start;  // row of the sequence's first token
    int length, first_query, last_query, first_key, last_key;
    std::size_t kv_head, first_head;
    int heads, first_value;

    __device__ bool find(const Problem<T>& p, std::size_t block, int values_per_part) {
        const auto take = [&block](std::size_t count) {
            const std::size_t place = block % count;
            block /= count;
            return place;
        };
        first_value = static_cast<int>(take(static_cast<std::size_t>(p.value_parts))) * values_per_part;
        const std::size_t head_part = take(static_cast<std::size_t>(p.head_parts));
        // The last queries have the most keys where the attention is causal: they begin first.
        const int tile = p.tiles - 1 - static_cast<int>(take(static_cast<std::size_t>(p.tiles)));
        kv_head = take(p.kv_heads);
        heads = p.heads_per_tile;
        first_head =
            kv_head * static_cast<std::size_t>(p.heads_per_key) + head_part * static_cast<std::size_t>(heads);
        start = static_cast<std::size_t>(p.starts[block]);
        length = p.starts[block + 1] - p.starts[block];
        first_query = p.first_query + tile * p.queries_per_tile();
        last_query = min(min(length, p.last_query), first_query + p.queries_per_tile());
        if (first_query >= last_query) return false;
        first_key = p.first_key(first_query);
        last_key = p.last_key(last_query - 1, length);
        return true;
    }
    __device__ bool has(int row) const { return query(row) < last_query && row < tile_rows / heads * heads; }
    __device__ int query(int row) const { return first_query + row / heads; }
    __device__ std::size_t head(int row) const { return first_head + static_cast<std::size_t>(row % heads); }
};

// Sizes and the shared memory of one kernel. What is staged for the scores, and then for the values, lies in
// one place.
template <typename T, int cols, bool places>
struct Shape {
    using A = Arithmetic<T>;
    static constexpr bool wide = sizeof(A) == 8;
    static constexpr int keys_per_thread = wide ? 2 : 4;
    static constexpr int keys = keys_per_thread * threads_across;
    static constexpr int channels = wide && places ? 8 : 16;  // of a head, staged at a time
    static constexpr int distances = tile_rows + keys;        // one more than there are
    static constexpr int row_stride = tile_rows + 4, key_stride = keys + 4;
    static constexpr int value_keys = 16, value_cols = cols * threads_across;  // of the values, likewise
    static constexpr int for_scores = channels * (row_stride + key_stride + (places ? 2 * distances : 0));
    static constexpr int staged = std::max(for_scores, value_keys* value_cols);
    static constexpr int pack = cols % 4 == 0 && !wide ? 4 : 2;
};

// Channels [first, first + channels) of `count` rows to shared memory, [channels, stride]. row_of(i, pass) is
// row i, the thread's pass-th; null where there is none.
template <int channels, int count, typename T, typename A, typename RowOf>
__device__ __forceinline__ void stage(A* to, int stride, int first, int dims, const RowOf& row_of) {
    constexpr int rows = block_threads / channels, passes = count / rows;
    static_assert(count % rows == 0);
    const int channel = static_cast<int>(threadIdx.x) % channels;
    const bool there = first + channel < dims;
    DEADSCOPE_UNROLL
    for (int pass = 0; pass < passes; ++pass) {
        const int i = static_cast<int>(threadIdx.x) / channels + pass * rows;
        const T* row = there ? row_of(i, pass) : nullptr;
        to[channel * stride + i] = row == nullptr ? A{0} : widen(row[first + channel]);
    }
}

template <int width, typename A>
__device__ __forceinline__ void load_at(const A* from, A* to) {
    const Pack<A, width> pack = *reinterpret_cast<const Pack<A, width>*>(from);
    DEADSCOPE_UNROLL
    for (int e = 0; e < width; ++e) to[e] = pack.at[e];
}

// The block's work. Thread (down, across) has rows 4 · down + {0..3} with keys keys_per_thread · across + …,
// and the same rows with packs of channels pack · (across + 16 · …).
template <typename T, int cols, bool places>
class Block {
    using S = Shape<T, cols, places>;
    using A = Arithmetic<T>;

public:
    __device__ Block(const Problem<T>& problem, const Tile<T>& tile, A* staged, A* weights)
        : p_(problem), tile_(tile), staged_(staged), weights_(weights) {
        for (int a = 0; a < rows_per_thread; ++a) {
            query_[a] = tile_.has(row_ + a) ? tile_.query(row_ + a) : -1;
            const bool sink = p_.sinks != nullptr && query_[a] >= 0;
            top_[a] = sink ? static_cast<A>(p_.sinks[tile_.head(row_ + a)]) : -static_cast<A>(INFINITY);
            total_[a] = sink ? A{1} : A{0};
        }
        for (int pass = 0; pass < query_passes; ++pass) {
            const int row = static_cast<int>(threadIdx.x) / S::channels + pass * (tile_rows / query_passes);
            const int below = row / tile_.heads * static_cast<int>(p_.q.stride);
            staged_query_[pass] = tile_.has(row) ? below + row % tile_.heads * p_.head_dim : -1;
        }
        queries_ = p_.q.at(tile_.start + static_cast<std::size_t>(tile_.first_query),
                           tile_.first_head * static_cast<std::size_t>(p_.head_dim));
        keys_ = p_.k.at(tile_.start, tile_.kv_head * static_cast<std::size_t>(p_.head_dim));
        values_ = p_.v.at(tile_.start, tile_.kv_head * static_cast<std::size_t>(p_.value_dim));
    }

    __device__ void run() {
        for (int key = tile_.first_key; key < tile_.last_key; key += S::keys) {
            A scores[rows_per_thread][S::keys_per_thread] = {};
            multiply_keys(key, scores);
            finish_scores(key, scores);
            weigh(scores);
            add_values(key);
        }
        write();
    }

private:
    static constexpr int distinct = rows_per_thread + S::keys_per_thread;  // distances of a thread, and one
    static constexpr int query_passes = tile_rows * S::channels / block_threads;

    // The table's row of a distance between query and key that stand in this tile.
    __device__ const T* place_row(const Rows<const T>& table, int distance) const {
        if (table.data == nullptr || distance >= tile_.length || -distance >= tile_.length) return nullptr;
        return table.at(static_cast<std::size_t>(p_.place_of[p_.place_zero + distance]),
                        tile_.first_head * static_cast<std::size_t>(p_.head_dim));
    }

    __device__ void multiply_keys(int key, A (&scores)[rows_per_thread][S::keys_per_thread]) {
        A* const queries = staged_;
        A* const keys = queries + S::channels * S::row_stride;
        A* const key_places = keys + S::channels * S::key_stride;
        A* const query_places = key_places + S::channels * S::distances;
        const int least = tile_.first_query - (key + S::keys - 1);  // distance
        for (int first = 0; first < p_.head_dim; first += S::channels) {
            __syncthreads();
            stage<S::channels, tile_rows, T>(queries, S::row_stride, first, p_.head_dim, [&](int, int pass) {
                return staged_query_[pass] < 0 ? nullptr : queries_ + staged_query_[pass];
            });
            stage<S::channels, S::keys, T>(keys, S::key_stride, first, p_.head_dim, [&](int i, int) {
                return key + i < tile_.last_key ? keys_ + static_cast<std::size_t>(key + i) * p_.k.stride
                                                : nullptr;
            });
            if constexpr (places) {
                stage<S::channels, S::distances, T>(
                    key_places, S::distances, first, p_.head_dim,
                    [&](int i, int) { return place_row(p_.key_places, least + i); });
                stage<S::channels, S::distances, T>(
                    query_places, S::distances, first, p_.head_dim,
                    [&](int i, int) { return place_row(p_.query_places, least + i); });
            }
            __syncthreads();
            DEADSCOPE_UNROLL_BY_4
            for (int channel = 0; channel < S::channels; ++channel) {
                A q[rows_per_thread], k[S::keys_per_thread];
                load_at<rows_per_thread>(queries + channel * S::row_stride + row_, q);
                load_at<S::keys_per_thread>(keys + channel * S::key_stride + key_, k);
                A of_key[distinct] = {}, of_query[distinct] = {};
                if constexpr (places) {
                    const int nearest = channel * S::distances + row_ - key_ + S::keys - S::keys_per_thread;
                    for (int e = 0; e < distinct; e += 2) {
                        load_at<2>(key_places + nearest + e, of_key + e);
                        load_at<2>(query_places + nearest + e, of_query + e);
                    }
                }
                DEADSCOPE_UNROLL
                for (int a = 0; a < rows_per_thread; ++a) {
                    DEADSCOPE_UNROLL
                    for (int b = 0; b < S::keys_per_thread; ++b) {
                        scores[a][b] = fma_of(q[a], k[b], scores[a][b]);
                        if constexpr (places) {
                            const int e = a - b + S::keys_per_thread - 1;
                            scores[a][b] = fma_of(q[a], of_key[e], scores[a][b]);
                            scores[a][b] = fma_of(k[b], of_query[e], scores[a][b]);
                        }
                    }
                }
            }
        }
    }

    // Tables, cap and mask; what a query does not see becomes -infinity.
    __device__ void finish_scores(int key, A (&scores)[rows_per_thread][S::keys_per_thread]) const {
        DEADSCOPE_UNROLL
        for (int a = 0; a < rows_per_thread; ++a) {
            const int query = query_[a];
            const std::size_t head = tile_.head(row_ + a);
            const int first = p_.first_key(query), last = query < 0 ? 0 : p_.last_key(query, tile_.length);
            DEADSCOPE_UNROLL
            for (int b = 0; b < S::keys_per_thread; ++b) {
                const int at = key + key_ + b;
                A score = p_.scale * scores[a][b];
                const bool seen = at >= first && at < last;
                if (seen && p_.by_distance.data != nullptr) {
                    score += widen(p_.by_distance.at(head)[p_.distance_zero + at - query]);
                }
                if (seen && p_.by_key.data != nullptr) score += widen(p_.by_key.at(head)[at]);
                if (p_.cap > A{0}) score = p_.cap * tanh_of(score / p_.cap);
                scores[a][b] = seen ? score : -static_cast<A>(INFINITY);
            }
        }
    }

    // Scores to weights e^(score - top) in shared memory, [keys, rows]; what was summed before is brought to
    // the new top. The 16 threads of a row stand side by side in a warp.
    __device__ void weigh(A (&scores)[rows_per_thread][S::keys_per_thread]) {
        DEADSCOPE_UNROLL
        for (int a = 0; a < rows_per_thread; ++a) {
            A top = top_[a];
            DEADSCOPE_UNROLL
            for (int b = 0; b < S::keys_per_thread; ++b) top = scores[a][b] > top ? scores[a][b] : top;
            for (int mask = threads_across / 2; mask > 0; mask /= 2) {
                const A other = shuffled(top, mask);
                top = other > top ? other : top;
            }
            const bool none = top == -static_cast<A>(INFINITY);
            const A kept = none ? A{1} : exp_of(top_[a] - top);
            A sum{0};
            DEADSCOPE_UNROLL
            for (int b = 0; b < S::keys_per_thread; ++b) {
                scores[a][b] = none && scores[a][b] == top ? A{0} : exp_of(scores[a][b] - top);
                sum += scores[a][b];
            }
            for (int mask = threads_across / 2; mask > 0; mask /= 2) sum += shuffled(sum, mask);
            top_[a] = top;
            total_[a] = total_[a] * kept + sum;
            DEADSCOPE_UNROLL
            for (int c = 0; c < cols; ++c) sums_[a][c] *= kept;
        }
        DEADSCOPE_UNROLL
        for (int b = 0; b < S::keys_per_thread; ++b) {
            Pack<A, rows_per_thread> pack;
            DEADSCOPE_UNROLL
            for (int a = 0; a < rows_per_thread; ++a) pack.at[a] = scores[a][b];
            *reinterpret_cast<Pack<A, rows_per_thread>*>(weights_ + (key_ + b) * S::row_stride + row_) = pack;
        }
    }

    __device__ void add_values(int key) {
        for (int first = 0; first < S::keys && key + first < tile_.last_key; first += S::value_keys) {
            __syncthreads();
            for (int i = static_cast<int>(threadIdx.x); i < S::value_keys * S::value_cols;
                 i += block_threads) {
                const int at = key + first + i / S::value_cols, col = tile_.first_value + i % S::value_cols;
                const bool there = at < tile_.last_key && col < p_.value_dim;
                staged_[i] = there ? widen(values_[static_cast<std::size_t>(at) * p_.v.stride +
                                                   static_cast<std::size_t>(col)])
                                   : A{0};
            }
            __syncthreads();
            DEADSCOPE_UNROLL_BY_4
            for (int j = 0; j < S::value_keys; ++j) {
                A weight[rows_per_thread], value[cols];
                load_at<rows_per_thread>(weights_ + (first + j) * S::row_stride + row_, weight);
                DEADSCOPE_UNROLL
                for (int c = 0; c < cols; c += S::pack) {
                    load_at<S::pack>(staged_ + j * S::value_cols + column(c), value + c);
                }
                DEADSCOPE_UNROLL
                for (int a = 0; a < rows_per_thread; ++a) {
                    DEADSCOPE_UNROLL
                    for (int c = 0; c < cols; ++c) sums_[a][c] = fma_of(weight[a], value[c], sums_[a][c]);
                }
            }
        }
    }

    __device__ void write() const {
        DEADSCOPE_UNROLL
        for (int a = 0; a < rows_per_thread; ++a) {
            if (query_[a] < 0) continue;
            const A share = A{1} / total_[a];
            T* out = p_.out.at(tile_.start + static_cast<std::size_t>(query_[a]),
                               tile_.head(row_ + a) * static_cast<std::size_t>(p_.value_dim));
            DEADSCOPE_UNROLL
            for (int c = 0; c < cols; ++c) {
                const int col = tile_.first_value + column(c / S::pack * S::pack) + c % S::pack;
                if (col < p_.value_dim) out[col] = Narrow<T>::of(sums_[a][c] * share);
            }
        }
    }

    // Where the pack that begins with a thread's column c stands among the staged ones.
    __device__ int column(int c) const { return (c / S::pack * threads_across + across_) * S::pack; }

    const Problem<T>& p_;
    const Tile<T>& tile_;
    A* staged_;
    A* weights_;
    const int across_ = static_cast<int>(threadIdx.x) % threads_across;
    const int row_ = static_cast<int>(threadIdx.x) / threads_across * rows_per_thread;
    const int key_ = across_ * S::keys_per_thread;
    const T *queries_, *keys_, *values_;  // of the tile's first query; of the sequence's first token
    int query_[rows_per_thread];          // of each of the thread's rows; -1: none
    int staged_query_[query_passes];      // of each row that the thread stages, from queries_; -1: none
    A top_[rows_per_thread], total_[rows_per_thread];  // running maximum, sum of e^(score - top)
    A sums_[rows_per_thread][cols] = {};
};

}  // namespace deadscope::cuda::tiled

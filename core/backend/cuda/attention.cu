// Attention in tiles with a running softmax. A block of threads takes 64 rows of one key/value head's
// queries (a row is a query of one of the query heads that share it) and goes over the keys that any of them
// sees; scores stand in registers, weights in shared memory, and nothing grows with the sequence.
#include <array>

#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

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

// Channels [first, first + channels) of `count` rows to shared memory, [channels, stride]; row_of(i) is null
// where there is none.
template <int channels, typename T, typename A, typename RowOf>
__device__ __forceinline__ void stage(A* to, int stride, int count, int first, int dims,
                                      const RowOf& row_of) {
    const int channel = static_cast<int>(threadIdx.x) % channels;
    for (int i = static_cast<int>(threadIdx.x) / channels; i < count; i += block_threads / channels) {
        const T* row = first + channel < dims ? row_of(i) : nullptr;
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
            const bool sink = p_.sinks != nullptr && tile_.has(row_ + a);
            top_[a] = sink ? static_cast<A>(p_.sinks[tile_.head(row_ + a)]) : -static_cast<A>(INFINITY);
            total_[a] = sink ? A{1} : A{0};
        }
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

    __device__ const T* query_row(int row) const {
        if (!tile_.has(row)) return nullptr;
        return p_.q.at(tile_.start + static_cast<std::size_t>(tile_.query(row)),
                       tile_.head(row) * static_cast<std::size_t>(p_.head_dim));
    }
    __device__ const T* key_row(int key) const {
        if (key >= tile_.last_key) return nullptr;
        return p_.k.at(tile_.start + static_cast<std::size_t>(key),
                       tile_.kv_head * static_cast<std::size_t>(p_.head_dim));
    }
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
            stage<S::channels, T>(queries, S::row_stride, tile_rows, first, p_.head_dim,
                                  [&](int i) { return query_row(i); });
            stage<S::channels, T>(keys, S::key_stride, S::keys, first, p_.head_dim,
                                  [&](int i) { return key_row(key + i); });
            if constexpr (places) {
                stage<S::channels, T>(key_places, S::distances, S::distances, first, p_.head_dim,
                                      [&](int i) { return place_row(p_.key_places, least + i); });
                stage<S::channels, T>(query_places, S::distances, S::distances, first, p_.head_dim,
                                      [&](int i) { return place_row(p_.query_places, least + i); });
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
            const bool has = tile_.has(row_ + a);
            const int query = tile_.query(row_ + a);
            const std::size_t head = tile_.head(row_ + a);
            const int first = p_.first_key(query), last = has ? p_.last_key(query, tile_.length) : 0;
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
                staged_[i] = there ? widen(*p_.v.at(tile_.start + static_cast<std::size_t>(at),
                                                    tile_.kv_head * static_cast<std::size_t>(p_.value_dim) +
                                                        static_cast<std::size_t>(col)))
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
            if (!tile_.has(row_ + a)) continue;
            T* out = p_.out.at(tile_.start + static_cast<std::size_t>(tile_.query(row_ + a)),
                               tile_.head(row_ + a) * static_cast<std::size_t>(p_.value_dim));
            DEADSCOPE_UNROLL
            for (int c = 0; c < cols; ++c) {
                const int col = tile_.first_value + column(c / S::pack * S::pack) + c % S::pack;
                if (col < p_.value_dim) out[col] = Narrow<T>::of(sums_[a][c] / total_[a]);
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
    A top_[rows_per_thread], total_[rows_per_thread];  // running maximum, sum of e^(score - top)
    A sums_[rows_per_thread][cols] = {};
};

template <typename T, int cols, bool places>
__global__ void __launch_bounds__(block_threads, cols * sizeof(Arithmetic<T>) <= 32 ? 2 : 1)
    attend(Problem<T> problem, std::size_t first_block) {
    using S = Shape<T, cols, places>;
    using A = Arithmetic<T>;
    constexpr int aligned = pack_width<A>;
    __shared__ Pack<A, aligned> staged[S::staged / aligned];
    __shared__ Pack<A, aligned> weights[S::keys * S::row_stride / aligned];  // [keys, rows]
    Tile<T> tile;
    if (!tile.find(problem, first_block + blockIdx.x, S::value_cols)) return;
    Block<T, cols, places>(problem, tile, staged[0].at, weights[0].at).run();
}

// How many blocks may go into one launch, so that it stays far below what a person sees on a display that the
// same GPU draws: some 10 ms.
std::size_t blocks_of_launch(double products_of_block, bool wide) {
    int device = 0, processors = 0, major = 0, minor = 0;
    check(cudaGetDevice(&device), "attention");
    check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "attention");
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "attention");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "attention");
    // Doubles at half the rate of floats: 8.0, 9.0 and 10.0; elsewhere at a 32nd to a 64th (CUDA C++
    // programming guide, "Arithmetic Instructions").
    const bool strong = minor == 0 && major >= 8 && major <= 10;
    constexpr double in_float = 5e8;  // products of a multiprocessor in some 10 ms
    const double products = in_float * processors / (!wide ? 1 : strong ? 2 : 32);
    return std::max(static_cast<std::size_t>(std::max(1, processors)),
                    static_cast<std::size_t>(std::min(1e9, products / products_of_block)));
}

template <typename T, int cols, bool places>
void launch_attend(const Launch& at, const Attention& call, Problem<T> problem) {
    using S = Shape<T, cols, places>;
    const auto queries = static_cast<std::size_t>(problem.queries_per_tile());
    const std::size_t count = static_cast<std::size_t>(problem.last_query - problem.first_query);
    const std::size_t values = static_cast<std::size_t>(S::value_cols);
    problem.tiles = static_cast<int>((count + queries - 1) / queries);
    problem.value_parts = static_cast<int>((call.value_dim + values - 1) / values);
    const std::size_t parts = static_cast<std::size_t>(problem.head_parts * problem.value_parts);
    const std::size_t blocks =
        call.sequences * call.kv_heads * static_cast<std::size_t>(problem.tiles) * parts;
    const std::size_t keys =
        problem.window == 0 ? call.longest
                            : std::min(call.longest, 2 * static_cast<std::size_t>(problem.window) + queries);
    const std::size_t products = tile_rows * keys * (call.head_dim * (places ? 3 : 1) + values);
    const std::size_t most = blocks_of_launch(static_cast<double>(products), S::wide);
    for (std::size_t first = 0; first < blocks; first += most) {
        const dim3 grid(static_cast<unsigned>(std::min(most, blocks - first)));
        launch(at.stream, grid, dim3(block_threads), "attention", attend<T, cols, places>, problem, first);
    }
}

template <typename T, bool places>
void choose_columns(const Launch& at, const Attention& call, const Problem<T>& problem) {
    // Columns of the values a thread holds; doubles take two registers each.
    if (call.value_dim <= 32) return launch_attend<T, 2, places>(at, call, problem);
    if (call.value_dim <= 64) return launch_attend<T, 4, places>(at, call, problem);
    if constexpr (!places) {
        if (call.value_dim > 64 && call.value_dim <= 96)
            return launch_attend<T, 6, places>(at, call, problem);
        if (sizeof(T) < sizeof(double) && call.value_dim > 128)
            return launch_attend < T, sizeof(T) < sizeof(double) ? 16 : 8, places > (at, call, problem);
    }
    return launch_attend<T, 8, places>(at, call, problem);
}

// The largest number of heads up to 8 that divides those which share their keys.
std::size_t heads_of_tile(std::size_t sharing) {
    std::size_t heads = std::min<std::size_t>(8, sharing);
    while (sharing % heads != 0) --heads;
    return heads;
}

template <typename T>
Problem<T> problem_of(const Attention& call, const View& q, const View& k, const View& v, const View& out) {
    const auto whole = [](std::size_t n) { return static_cast<int>(n); };
    const std::size_t sharing = call.heads / call.kv_heads;
    const std::size_t together = call.place_of == nullptr ? heads_of_tile(sharing) : 1;
    Problem<T> p{Rows<const T>(q),
                 Rows<const T>(k),
                 Rows<const T>(v),
                 Rows<const T>(call.by_distance),
                 Rows<const T>(call.by_key),
                 Rows<const T>(call.key_places),
                 Rows<const T>(call.query_places),
                 Rows<T>(out),
                 call.place_of,
                 call.sinks,
                 call.starts};
    p.scale = static_cast<Arithmetic<T>>(call.scale);
    p.cap = static_cast<Arithmetic<T>>(call.cap);
    p.head_dim = whole(call.head_dim);
    p.value_dim = whole(call.value_dim);
    p.heads_per_key = whole(sharing);
    p.heads_per_tile = whole(together);
    p.distance_zero = whole((call.by_distance.cols + 1) / 2) - 1;
    p.place_zero = whole((call.places + 1) / 2) - 1;
    p.window = whole(std::min(call.window, call.longest + 1));
    p.first_query = whole(std::min(call.first_query, call.longest));
    p.last_query = whole(std::min(call.last_query, call.longest));
    p.causal = call.causal;
    p.kv_heads = call.kv_heads;
    p.head_parts = whole(sharing / together);
    return p;
}

}  // namespace

void attention(const Launch& at, const Attention& call, View q, View k, View v, View out) {
    if (call.first_query >= std::min(call.last_query, call.longest) || call.value_dim == 0) return;
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const Problem<T> problem = problem_of<T>(call, q, k, v, out);
        if (call.place_of != nullptr) {
            choose_columns<T, true>(at, call, problem);
        } else {
            choose_columns<T, false>(at, call, problem);
        }
    });
}

}  // namespace deadscope::cuda

// What one block of threads does in an attention of 16-bit elements on tensor cores: as attention_block.h's,
// 64 rows of one key/value head's queries against the keys that any of them sees, with a running softmax in
// float. Each warp has 16 of the rows; their scores, and the sums of values, stay in its registers in the
// layout of tensor_core.h, in which a score of one product is where the next one wants it as a weight (Dao,
// FlashAttention-2, arXiv 2307.08691). A weight meets the values as a sum of two or three 16-bit parts, which
// hold all of its bits: the result is that of float arithmetic rounded once, as it is without tensor cores,
// and what it costs is little, since bringing the values takes longer. Launches are attention.cu's.
#pragma once

#include "core/backend/cuda/attention_block.h"
#include "core/backend/cuda/tensor_core.h"

namespace deadscope::cuda::tensor {

using tiled::Problem;
using tiled::Tile;
using tiled::tile_rows;

constexpr int warp_rows = 16, block_warps = tile_rows / warp_rows, threads = 32 * block_warps;

// For heads of up to `dims` channels, of the queries and of the values. Keys and then values of a step lie in
// one place.
template <int dims>
struct Shape {
    static constexpr int keys = dims <= 128 ? 64 : 16;  // of a step
    static constexpr int stride = dims + 8;             // lanes of a warp then meet different banks
    static constexpr int queries_size = tile_rows * stride, step_size = keys * stride;
    static constexpr int key_tiles = keys / 8, value_tiles = dims / 8;
};

// Shared memory that no constructor is run for.
template <std::size_t count>
struct alignas(16) Room {
    unsigned char bytes[count];
};

// Parts of a float that hold its 24 bits, of 8 or 11 each.
template <typename T>
constexpr int weight_parts = std::is_same_v<T, __half> ? 2 : 3;

// `count` rows of `width` channels to shared memory [count, stride]; zeros where there is no row, and behind
// the width up to a multiple of 16. row_of(i) is row i, null where there is none.
template <typename T, typename RowOf>
__device__ __forceinline__ void stage(T* to, int stride, int count, int width, bool packed,
                                      const RowOf& row_of) {
    constexpr int together = pack_width<T>;  // 8
    const int packs = (width + 15) / 16 * 2;
    for (int i = static_cast<int>(threadIdx.x); i < count * packs; i += threads) {
        const int channel = i % packs * together;
        const T* row = row_of(i / packs);
        Pack<T, together> pack;
        if (packed && row != nullptr && channel + together <= width) {
            pack = *reinterpret_cast<const Pack<T, together>*>(row + channel);
        } else {
            DEADSCOPE_UNROLL
            for (int e = 0; e < together; ++e)
                pack.at[e] = row != nullptr && channel + e < width ? row[channel + e] : Narrow<T>::of(0.0f);
        }
        *reinterpret_cast<Pack<T, together>*>(to + i / packs * stride + channel) = pack;
    }
}

// The block's work. `packed`: rows of q, k and v may be read 16 bytes at a time.
template <typename T, int dims>
class Block {
    using S = Shape<dims>;

public:
    __device__ Block(const Problem<T>& problem, const Tile<T>& tile, bool packed, T* queries, T* staged)
        : p_(problem), tile_(tile), packed_(packed), queries_(queries), staged_(staged) {
        DEADSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            const int row = row_ + 8 * half;
            query_[half] = tile_.has(row) ? tile_.query(row) : -1;
            const bool sink = p_.sinks != nullptr && query_[half] >= 0;
            top_[half] = sink ? static_cast<float>(p_.sinks[tile_.head(row)]) : -INFINITY;
            total_[half] = sink ? 1.0f : 0.0f;
        }
    }

    __device__ void run() {
        stage(queries_, S::stride, tile_rows, p_.head_dim, packed_, [&](int row) {
            return tile_.has(row) ? p_.q.at(tile_.start + static_cast<std::size_t>(tile_.query(row)),
                                            tile_.head(row) * static_cast<std::size_t>(p_.head_dim))
                                  : nullptr;
        });
        for (int key = tile_.first_key; key < tile_.last_key; key += S::keys) {
            float scores[S::key_tiles][4] = {};
            bring(p_.k, p_.head_dim, key);
            multiply_keys(scores);
            finish_scores(key, scores);
            weigh(scores);
            bring(p_.v, p_.value_dim, key);
            add_values(scores);
        }
        write();
    }

private:
    __device__ void bring(const Rows<const T>& rows, int width, int key) {
        __syncthreads();  // what lies there has been read
        stage(staged_, S::stride, S::keys, width, packed_, [&](int i) {
            return key + i < tile_.last_key ? rows.at(tile_.start + static_cast<std::size_t>(key + i),
                                                      tile_.kv_head * static_cast<std::size_t>(width))
                                            : nullptr;
        });
        __syncthreads();
    }

    // Two channels of a row of shared memory, as one register.
    __device__ static std::uint32_t pair_at(const T* from) {
        std::uint32_t pair;
        memcpy(&pair, from, sizeof(pair));
        return pair;
    }

    __device__ void multiply_keys(float (&scores)[S::key_tiles][4]) const {
        DEADSCOPE_UNROLL_BY_4
        for (int channel = 0; channel < p_.head_dim; channel += 16) {
            const T* own = queries_ + row_ * S::stride + channel + 2 * across_;
            const T* below = own + 8 * S::stride;
            const std::uint32_t q[4] = {pair_at(own), pair_at(below), pair_at(own + 8), pair_at(below + 8)};
            DEADSCOPE_UNROLL
            for (int tile = 0; tile < S::key_tiles; ++tile) {
                const T* key = staged_ + (8 * tile + down_) * S::stride + channel + 2 * across_;
                const std::uint32_t k[2] = {pair_at(key), pair_at(key + 8)};
                multiply_add<T>(scores[tile], q, k);
            }
        }
    }

    // Tables, cap and mask; what a query does not see becomes -infinity.
    __device__ void finish_scores(int key, float (&scores)[S::key_tiles][4]) const {
        DEADSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            const int query = query_[half];
            const std::size_t head = tile_.head(row_ + 8 * half);
            const int first = p_.first_key(query), last = query < 0 ? 0 : p_.last_key(query, tile_.length);
            DEADSCOPE_UNROLL
            for (int e = 0; e < 2 * S::key_tiles; ++e) {
                const int at = key + 8 * (e / 2) + 2 * across_ + e % 2;
                float& score = scores[e / 2][2 * half + e % 2];
                score *= p_.scale;
                const bool seen = at >= first && at < last;
                if (seen && p_.by_distance.data != nullptr)
                    score += widen(p_.by_distance.at(head)[p_.distance_zero + at - query]);
                if (seen && p_.by_key.data != nullptr) score += widen(p_.by_key.at(head)[at]);
                if (p_.cap > 0.0f) score = p_.cap * tanh_of(score / p_.cap);
                if (!seen) score = -INFINITY;
            }
        }
    }

    // Scores to weights e^(score - top); what was summed before is brought to the new top. A row is
    // four lanes that stand side by side.
    __device__ void weigh(float (&scores)[S::key_tiles][4]) {
        DEADSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            float top = top_[half];
            DEADSCOPE_UNROLL
            for (int e = 0; e < 2 * S::key_tiles; ++e) {
                const float score = scores[e / 2][2 * half + e % 2];
                top = score > top ? score : top;
            }
            for (int mask = 2; mask > 0; mask /= 2) {
                const float other = shuffled(top, mask);
                top = other > top ? other : top;
            }
            const bool none = top == -INFINITY;
            const float kept = none ? 1.0f : exp_of(top_[half] - top);
            float sum = 0.0f;
            DEADSCOPE_UNROLL
            for (int e = 0; e < 2 * S::key_tiles; ++e) {
                float& score = scores[e / 2][2 * half + e % 2];
                score = none && score == top ? 0.0f : exp_of(score - top);
                sum += score;
            }
            for (int mask = 2; mask > 0; mask /= 2) sum += shuffled(sum, mask);
            top_[half] = top;
            total_[half] = total_[half] * kept + sum;
            DEADSCOPE_UNROLL
            for (int tile = 0; tile < S::value_tiles; ++tile) {
                sums_[tile][2 * half] *= kept;
                sums_[tile][2 * half + 1] *= kept;
            }
        }
    }

    // Takes a part off two weights, as one register.
    __device__ static std::uint32_t part_of(float& first, float& second) {
        const T a = Narrow<T>::of(first), b = Narrow<T>::of(second);
        first -= widen(a);
        second -= widen(b);
        return paired(a, b);
    }

    // Two tiles of scores, side by side, are one operand of weights: 16 rows of 16 keys.
    __device__ void add_values(float (&weights)[S::key_tiles][4]) {
        constexpr int parts = weight_parts<T>;
        DEADSCOPE_UNROLL
        for (int step = 0; step < S::key_tiles / 2; ++step) {
            float(&left)[4] = weights[2 * step];
            float(&right)[4] = weights[2 * step + 1];
            std::uint32_t weight[parts][4];
            DEADSCOPE_UNROLL
            for (int part = 0; part < parts; ++part) {
                weight[part][0] = part_of(left[0], left[1]);
                weight[part][1] = part_of(left[2], left[3]);
                weight[part][2] = part_of(right[0], right[1]);
                weight[part][3] = part_of(right[2], right[3]);
            }
            const T* from = staged_ + (16 * step + 2 * across_) * S::stride + down_;
            DEADSCOPE_UNROLL
            for (int tile = 0; tile < S::value_tiles; ++tile) {
                if (8 * tile >= p_.value_dim) break;
                const T* value = from + 8 * tile;
                const std::uint32_t pairs[2] = {paired(value[0], value[S::stride]),
                                                paired(value[8 * S::stride], value[9 * S::stride])};
                DEADSCOPE_UNROLL
                for (int part = 0; part < parts; ++part) multiply_add<T>(sums_[tile], weight[part], pairs);
            }
        }
    }

    __device__ void write() const {
        DEADSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            if (query_[half] < 0) continue;
            const float share = 1.0f / total_[half];
            T* out = p_.out.at(tile_.start + static_cast<std::size_t>(query_[half]),
                               tile_.head(row_ + 8 * half) * static_cast<std::size_t>(p_.value_dim));
            DEADSCOPE_UNROLL
            for (int e = 0; e < 2 * S::value_tiles; ++e) {
                const int col = 8 * (e / 2) + 2 * across_ + e % 2;
                if (col < p_.value_dim) out[col] = Narrow<T>::of(sums_[e / 2][2 * half + e % 2] * share);
            }
        }
    }

    const Problem<T>& p_;
    const Tile<T>& tile_;
    const bool packed_;
    T* queries_;  // [tile_rows, stride], of the whole tile
    T* staged_;   // [keys, stride]: keys, then values
    const int lane_ = static_cast<int>(threadIdx.x) % 32;
    const int down_ = lane_ / 4, across_ = lane_ % 4;
    const int row_ = static_cast<int>(threadIdx.x) / 32 * warp_rows + down_;  // and the eighth behind it
    int query_[2];                                                            // of these; -1: none
    float top_[2], total_[2];  // running maximum, sum of e^(score - top)
    float sums_[S::value_tiles][4] = {};
};

}  // namespace deadscope::cuda::tensor

// See attention_block.h. The loops are written once over GCC's vector types, for a number of registers that
// is given, and compiled for three levels of x86-64; everywhere else vectors are of 16 bytes.
#include "core/backend/cpu/attention_block.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/backend/cpu/elementary.h"
#include "core/base/function_clones.h"

namespace deadscope::cpu {
namespace {

// What a level has: bytes of a vector, and how many sums a product keeps in registers at once: key_rows · 3
// of scores, query_rows · 2 of outputs.
template <std::size_t vector_bytes, std::size_t keys, std::size_t queries>
struct Level {
    static constexpr std::size_t bytes = vector_bytes, key_rows = keys, query_rows = queries;
};
using Longest = Level<64, 8, 12>;  // 32 registers
using Longer = Level<32, 4, 6>;    // 16
using Plain = Level<16, 4, 6>;

template <typename T, typename L>
struct Loops {
    using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    using V [[gnu::vector_size(L::bytes)]] = T;
    using Bits [[gnu::vector_size(L::bytes)]] = Word;
    static constexpr std::size_t lanes = L::bytes / sizeof(T), across = 3, width = across * lanes;
    static_assert(key_tile % L::key_rows == 0 && width % L::query_rows == 0 && value_padding % lanes == 0);
    using Block = AttentionBlock<T>;

    DEADSCOPE_INLINE static void load(V& to, const T* from) { std::memcpy(&to, from, sizeof(V)); }
    DEADSCOPE_INLINE static void store(const V& from, T* to) { std::memcpy(to, &from, sizeof(V)); }

    // As elementary.h's polynomial().
    template <typename C, std::size_t... k>
    DEADSCOPE_INLINE static void polynomial(const V& r, const C& c, V& p, std::index_sequence<k...>) {
        p = V{} + static_cast<T>(c.back());
        ((p = p * r + static_cast<T>(c[c.size() - 2 - k])), ...);
    }

    // x becomes 2^x, x <= 0; below the least normal number that stands for zero. NaN stays.
    DEADSCOPE_INLINE static void exp2(V& x) {
        constexpr bool single = sizeof(T) == 4;
        constexpr T magic = single ? T(0x1.8p23) : T(0x1.8p52), least = single ? T(-126) : T(-1022);
        constexpr Word bias = single ? 127 : 1023, place = single ? 23 : 52;
        x = x < least ? V{} + least : x;
        const V shifted = x + magic;
        const V r = x - (shifted - magic);
        V p;
        if constexpr (single)
            polynomial(r, exp2_float, p, std::make_index_sequence<exp2_float.size() - 1>{});
        else
            polynomial(r, exp2_double, p, std::make_index_sequence<exp2_double.size() - 1>{});
        const Bits power = (__builtin_bit_cast(Bits, shifted) + bias) << place;
        x = p * __builtin_bit_cast(V, power);
    }

    template <std::size_t vectors>
    DEADSCOPE_INLINE static void multiply(const Block& b, T factor) {
        const std::size_t depth = b.depth;
        for (std::size_t j = b.first / L::key_rows * L::key_rows; j < b.last; j += L::key_rows) {
            V sum[L::key_rows][vectors] = {};
            const T* k = b.k + j * depth;
            const T* q = b.q;
            for (std::size_t c = 0; c < depth; ++c, q += width) {
                V query[vectors];
#pragma GCC unroll 4
                for (std::size_t v = 0; v < vectors; ++v) load(query[v], q + v * lanes);
#pragma GCC unroll 16
                for (std::size_t row = 0; row < L::key_rows; ++row) {
                    const T key = k[row * depth + c];
#pragma GCC unroll 4
                    for (std::size_t v = 0; v < vectors; ++v) sum[row][v] += key * query[v];
                }
            }
            T* to = b.scores + j * width;
#pragma GCC unroll 16
            for (std::size_t row = 0; row < L::key_rows; ++row) {
#pragma GCC unroll 4
                for (std::size_t v = 0; v < vectors; ++v)
                    store(factor * sum[row][v], to + row * width + v * lanes);
            }
        }
    }

    // Bits of lanes: none, all, none.
    static constexpr std::array<Word, 3 * lanes> step = [] {
        std::array<Word, 3 * lanes> bits{};
        std::fill_n(bits.begin() + lanes, lanes, ~Word{0});
        return bits;
    }();

    // Of key j, counted from the tile's first: x becomes `other` in those lanes of the vector that begins
    // with `query` that do not see it. Chosen by bits: comparisons of lanes GCC takes apart one by one.
    DEADSCOPE_INLINE static void cover(const Block& b, std::size_t j, std::size_t query, const V& other,
                                       V& x) {
        const std::ptrdiff_t ahead =
            b.key + static_cast<std::ptrdiff_t>(j) - b.query - static_cast<std::ptrdiff_t>(query);
        const auto lane = [](std::ptrdiff_t value) {
            return static_cast<std::size_t>(
                std::clamp<std::ptrdiff_t>(value, 0, static_cast<std::ptrdiff_t>(lanes)));
        };
        // key - query lies in [-back, forward].
        const std::size_t first = lane(ahead - b.sight.forward), end = lane(ahead + b.sight.back + 1);
        Bits from, to;
        std::memcpy(&from, step.data() + lanes - first, sizeof from);
        std::memcpy(&to, step.data() + 2 * lanes - end, sizeof to);
        const Bits seen = from & to;
        x = __builtin_bit_cast(
            V, (__builtin_bit_cast(Bits, x) & seen) | (__builtin_bit_cast(Bits, other) & ~seen));
    }

    // The keys that every query of the block sees.
    DEADSCOPE_INLINE static void seen_by_all(const Block& b, std::size_t& first, std::size_t& last) {
        const std::ptrdiff_t from = b.query + static_cast<std::ptrdiff_t>(b.queries) - 1 - b.sight.back;
        const std::ptrdiff_t to = b.query + b.sight.forward + 1;
        const auto inside = [&](std::ptrdiff_t key) {
            return static_cast<std::size_t>(std::clamp(key - b.key, static_cast<std::ptrdiff_t>(b.first),
                                                       static_cast<std::ptrdiff_t>(b.last)));
        };
        first = inside(from);
        last = std::max(first, inside(to));
    }

    template <std::size_t vectors>
    DEADSCOPE_INLINE static void weigh(const Block& b) {
        std::size_t whole = 0, whole_end = 0;
        seen_by_all(b, whole, whole_end);
        V old[vectors], top[vectors], sum[vectors] = {};
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            load(old[v], b.top + v * lanes);
            top[v] = old[v];
        }
        const auto raise = [&](std::size_t j, bool all) __attribute__((always_inline)) {
#pragma GCC unroll 4
            for (std::size_t v = 0; v < vectors; ++v) {
                V x;
                load(x, b.scores + j * width + v * lanes);
                if (!all) cover(b, j, v * lanes, top[v], x);
                top[v] = x > top[v] ? x : top[v];
            }
        };
        const auto exponentiate = [&](std::size_t j, bool all) __attribute__((always_inline)) {
#pragma GCC unroll 4
            for (std::size_t v = 0; v < vectors; ++v) {
                T* at = b.scores + j * width + v * lanes;
                V x;
                load(x, at);
                x -= top[v];
                exp2(x);
                if (!all) cover(b, j, v * lanes, V{}, x);
                sum[v] += x;
                store(x, at);
            }
        };
        for (std::size_t j = b.first; j < whole; ++j) raise(j, false);
        for (std::size_t j = whole; j < whole_end; ++j) raise(j, true);
        for (std::size_t j = whole_end; j < b.last; ++j) raise(j, false);
        for (std::size_t j = b.first; j < whole; ++j) exponentiate(j, false);
        for (std::size_t j = whole; j < whole_end; ++j) exponentiate(j, true);
        for (std::size_t j = whole_end; j < b.last; ++j) exponentiate(j, false);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            V fade = old[v] - top[v], total;
            exp2(fade);
            load(total, b.total + v * lanes);
            store(total * fade + sum[v], b.total + v * lanes);
            store(fade, b.fade + v * lanes);
            store(top[v], b.top + v * lanes);
        }
    }

    // The columns [column, column + vectors · lanes) of the outputs of query_rows queries from `query` on.
    template <std::size_t vectors>
    DEADSCOPE_INLINE static void mix(const Block& b, std::size_t query, std::size_t column) {
        const std::ptrdiff_t at = b.query + static_cast<std::ptrdiff_t>(query) - b.key;
        const auto inside = [&](std::ptrdiff_t key) {
            return static_cast<std::size_t>(
                std::clamp(key, static_cast<std::ptrdiff_t>(b.first), static_cast<std::ptrdiff_t>(b.last)));
        };
        const std::size_t first = inside(at - b.sight.back);
        const std::size_t last =
            inside(at + static_cast<std::ptrdiff_t>(L::query_rows) - 1 + b.sight.forward + 1);
        V sum[L::query_rows][vectors] = {};
        const T* weight = b.scores + first * width + query;
        const T* value = b.v + first * b.value_dim + column;
        for (std::size_t j = first; j < last; ++j, weight += width, value += b.value_dim) {
            V x[vectors];
#pragma GCC unroll 2
            for (std::size_t v = 0; v < vectors; ++v) load(x[v], value + v * lanes);
#pragma GCC unroll 16
            for (std::size_t row = 0; row < L::query_rows; ++row) {
                const T w = weight[row];
#pragma GCC unroll 2
                for (std::size_t v = 0; v < vectors; ++v) sum[row][v] += w * x[v];
            }
        }
#pragma GCC unroll 16
        for (std::size_t row = 0; row < L::query_rows; ++row) {
            T* to = b.out + (query + row) * b.value_dim + column;
            const T fade = b.fade[query + row];
#pragma GCC unroll 2
            for (std::size_t v = 0; v < vectors; ++v) {
                V x;
                load(x, to + v * lanes);
                store(fade * x + sum[row][v], to + v * lanes);
            }
        }
    }

    DEADSCOPE_INLINE static void multiply(const Block& b, T factor) {
        if (b.queries <= lanes) return multiply<1>(b, factor);
        if (b.queries <= 2 * lanes) return multiply<2>(b, factor);
        multiply<3>(b, factor);
    }
    DEADSCOPE_INLINE static void weigh(const Block& b) {
        if (b.queries <= lanes) return weigh<1>(b);
        if (b.queries <= 2 * lanes) return weigh<2>(b);
        weigh<3>(b);
    }
    DEADSCOPE_INLINE static void mix(const Block& b) {
        std::size_t column = 0;
        for (; column + 2 * lanes <= b.value_dim; column += 2 * lanes) {
            for (std::size_t query = 0; query < b.queries; query += L::query_rows) mix<2>(b, query, column);
        }
        if (column == b.value_dim) return;
        for (std::size_t query = 0; query < b.queries; query += L::query_rows) mix<1>(b, query, column);
    }
};

#define DEADSCOPE_LEVEL(L, attribute)                                                            \
    template <typename T>                                                                        \
    attribute void multiply_##L(const AttentionBlock<T>& b, T factor) {                          \
        Loops<T, L>::multiply(b, factor);                                                        \
    }                                                                                            \
    template <typename T>                                                                        \
    attribute void weigh_##L(const AttentionBlock<T>& b) {                                       \
        Loops<T, L>::weigh(b);                                                                   \
    }                                                                                            \
    template <typename T>                                                                        \
    attribute void mix_##L(const AttentionBlock<T>& b) {                                         \
        Loops<T, L>::mix(b);                                                                     \
    }                                                                                            \
    template <typename T>                                                                        \
    constexpr AttentionKernels<T> kernels_##L{Loops<T, L>::width, multiply_##L<T>, weigh_##L<T>, \
                                              mix_##L<T>};

DEADSCOPE_LEVEL(Plain, )
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DEADSCOPE_LEVELS
DEADSCOPE_LEVEL(Longest, __attribute__((target("arch=x86-64-v4"))))
DEADSCOPE_LEVEL(Longer, __attribute__((target("arch=x86-64-v3"))))
#endif

template <typename T>
std::vector<AttentionKernels<T>> levels() {
    std::vector<AttentionKernels<T>> all;
#ifdef DEADSCOPE_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd"))
        all.push_back(kernels_Longest<T>);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        all.push_back(kernels_Longer<T>);
#endif
    all.push_back(kernels_Plain<T>);
    return all;
}

}  // namespace

template <typename T>
const std::vector<AttentionKernels<T>>& attention_levels() {
    static const std::vector<AttentionKernels<T>> all = levels<T>();
    return all;
}
template const std::vector<AttentionKernels<float>>& attention_levels();
template const std::vector<AttentionKernels<double>>& attention_levels();

}  // namespace deadscope::cpu

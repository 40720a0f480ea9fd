// See philox.h. The constants are those of the paper and of the Random123 library. The logarithm, sine and
// cosine of Box-Muller are written out as plain arithmetic: loops over them vectorise, and every machine gets
// the same bits.
#include "core/base/philox.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/base/function_clones.h"

// A fused product rounds once where a product and a sum round twice; which of them a compiler takes must not
// show.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace deadscope {
namespace {

std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return hash;
}

constexpr std::uint64_t low = 0xFFFFFFFFu;  // mask

// Ten rounds on 32-bit words, each in 64 bits, so that the products are at hand.
struct Words {
    std::uint64_t w0, w1, w2, w3;
};
DEADSCOPE_INLINE Words rounds(Words c, std::uint64_t key0, std::uint64_t key1) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = 0xD2511F53u * c.w0, b = 0xCD9E8D57u * c.w2;
        c = {(b >> 32) ^ c.w1 ^ key0, b & low, (a >> 32) ^ c.w3 ^ key1, a & low};
        key0 = (key0 + 0x9E3779B9u) & low;
        key1 = (key1 + 0xBB67AE85u) & low;
    }
    return c;
}

struct Bits {
    std::uint64_t first, second;
};
DEADSCOPE_INLINE Bits bits(std::uint64_t seed, std::uint64_t name, std::uint64_t index) {
    const Words w = rounds({index & low, index >> 32, name & low, name >> 32}, seed & low, seed >> 32);
    return {w.w0 | w.w1 << 32, w.w2 | w.w3 << 32};
}

// [0, 1): the upper 52 bits as the fraction of a number in [1, 2).
DEADSCOPE_INLINE double unit(std::uint64_t word) {
    return std::bit_cast<double>((word >> 12) | 0x3FF0000000000000u) - 1.0;
}

// log u for u in [2^-52, 1]. u = 2^e m with m in [√½, √2), log m = 2 artanh s, s = (m - 1)/(m + 1), s² <
// 0.0295.
DEADSCOPE_INLINE double log_of_unit(double u) {
    const std::uint64_t word = std::bit_cast<std::uint64_t>(u);
    const std::uint64_t biased = (word + (0x3FF0000000000000u - 0x3FE6A09E667F3BCDu)) >> 52;  // e + 1023
    const double e = std::bit_cast<double>(biased | 0x4330000000000000u) - (0x1p52 + 1023.0);
    const double m = std::bit_cast<double>(word - ((biased - 1023u) << 52));
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 23;  // the next term is 2e-18 of the result
    p = p * z + 1.0 / 21;
    p = p * z + 1.0 / 19;
    p = p * z + 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    return e * std::numbers::ln2 + (2.0 * s + 2.0 * s * z * p);
}

struct Pair {
    double even, odd;
};
// Cosine and sine of 2πt, t in [0, 1): t = q/4 + r with |r| <= 1/8, exactly; Taylor in 2πr, then the quarter
// turns.
DEADSCOPE_INLINE Pair circle(double t) {
    constexpr double magic = 0x1.8p52;  // adding it rounds to an integer, found in the last bits of the sum
    const double shifted = 4.0 * t + magic;
    const std::uint64_t q = std::bit_cast<std::uint64_t>(shifted);
    const double x = (2.0 * std::numbers::pi) * (t - 0.25 * (shifted - magic)), z = x * x;
    double s = -1.0 / 1307674368000;  // x^15; the next term is 5e-17
    s = s * z + 1.0 / 6227020800;
    s = s * z - 1.0 / 39916800;
    s = s * z + 1.0 / 362880;
    s = s * z - 1.0 / 5040;
    s = s * z + 1.0 / 120;
    s = s * z - 1.0 / 6;
    s = x + x * z * s;
    double c = 1.0 / 20922789888000;  // x^16; the next term is 2e-18
    c = c * z - 1.0 / 87178291200;
    c = c * z + 1.0 / 479001600;
    c = c * z - 1.0 / 3628800;
    c = c * z + 1.0 / 40320;
    c = c * z - 1.0 / 720;
    c = c * z + 1.0 / 24;
    c = c * z - 0.5;
    c = 1.0 + z * c;
    const double a = (q & 1) != 0 ? s : c, b = (q & 1) != 0 ? c : s;
    const auto negate_if = [](double value, std::uint64_t bit) {
        return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ bit << 63);
    };
    return {negate_if(a, ((q >> 1) ^ q) & 1), negate_if(b, (q >> 1) & 1)};
}

DEADSCOPE_INLINE Pair normal_pair(std::uint64_t seed, std::uint64_t name, std::uint64_t pair) {
    const Bits word = bits(seed, name, pair);
    const double radius = std::sqrt(-2.0 * log_of_unit(1.0 - unit(word.first)));  // of (0, 1]: finite
    const Pair point = circle(unit(word.second));
    return {radius * point.even, radius * point.odd};
}

// out[2i], out[2i + 1] = pair first + i.
DEADSCOPE_CLONES void fill_pairs(std::uint64_t seed, std::uint64_t name, std::uint64_t first,
                                 std::size_t pairs, double* out) {
#pragma omp simd
    for (std::size_t i = 0; i < pairs; ++i) {
        const Pair pair = normal_pair(seed, name, first + i);
        out[2 * i] = pair.even;
        out[2 * i + 1] = pair.odd;
    }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
    const Words w = rounds({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
    const auto word = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    return {word(w.w0), word(w.w1), word(w.w2), word(w.w3)};
}

Philox::Philox(std::uint64_t seed, std::string_view name) : seed_(seed), name_(fnv1a(name)) {}

double Philox::uniform(std::uint64_t index) const {
    return unit(bits(seed_, name_, index).first);
}

double Philox::normal(std::uint64_t index) const {
    const Pair pair = normal_pair(seed_, name_, index / 2);
    return index % 2 == 0 ? pair.even : pair.odd;
}

std::uint64_t Philox::below(std::uint64_t index, std::uint64_t bound) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(bits(seed_, name_, index).first) * bound >> 64);
}

void Philox::fill_uniform(std::uint64_t first, std::span<double> out) const {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = uniform(first + i);
}

void Philox::fill_normal(std::uint64_t first, std::span<double> out) const {
    if (out.empty()) return;
    const std::size_t odd_start = first % 2;
    if (odd_start == 1) out[0] = normal(first);
    const std::size_t pairs = (out.size() - odd_start) / 2;
    fill_pairs(seed_, name_, (first + odd_start) / 2, pairs, out.data() + odd_start);
    if (odd_start + 2 * pairs < out.size()) out.back() = normal(first + out.size() - 1);
}

}  // namespace deadscope

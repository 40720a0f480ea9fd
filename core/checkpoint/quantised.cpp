// The table of kinds, and one small function a kind: block layouts as ggml-common.h of ggml gives them. Sums
// and products are written in the reference's order, since their rounding is part of the result.
#include "core/checkpoint/quantised.h"

#include <array>
#include <bit>
#include <cstring>

#include "core/base/half.h"

// d · q + m rounds twice in the reference; a fused product would round once.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace deadscope {
namespace {

using Bytes = const std::uint8_t*;

constexpr std::array<QuantisedKind, 28> kinds{{
    {DType::q4_0, "Q4_0", 2, 32, 18, true},
    {DType::q4_1, "Q4_1", 3, 32, 20, true},
    {DType::q5_0, "Q5_0", 6, 32, 22, true},
    {DType::q5_1, "Q5_1", 7, 32, 24, true},
    {DType::q8_0, "Q8_0", 8, 32, 34, true},
    {DType::q2_k, "Q2_K", 10, 256, 84, true},
    {DType::q3_k, "Q3_K", 11, 256, 110, true},
    {DType::q4_k, "Q4_K", 12, 256, 144, true},
    {DType::q5_k, "Q5_K", 13, 256, 176, true},
    {DType::q6_k, "Q6_K", 14, 256, 210, true},
    {DType::iq4_nl, "IQ4_NL", 20, 32, 18, true},
    {DType::iq4_xs, "IQ4_XS", 23, 256, 136, true},
    {DType::mxfp4, "MXFP4", 39, 32, 17, true},
    {DType::nvfp4, "NVFP4", 40, 64, 36, true},
    {DType::tq1_0, "TQ1_0", 34, 256, 54, true},
    {DType::tq2_0, "TQ2_0", 35, 256, 66, true},
    {DType::q8_1, "Q8_1", 9, 32, 36, false},
    {DType::q8_k, "Q8_K", 15, 256, 292, false},
    {DType::iq2_xxs, "IQ2_XXS", 16, 256, 66, false},
    {DType::iq2_xs, "IQ2_XS", 17, 256, 74, false},
    {DType::iq2_s, "IQ2_S", 22, 256, 82, false},
    {DType::iq3_xxs, "IQ3_XXS", 18, 256, 98, false},
    {DType::iq3_s, "IQ3_S", 21, 256, 110, false},
    {DType::iq1_s, "IQ1_S", 19, 256, 50, false},
    {DType::iq1_m, "IQ1_M", 29, 256, 56, false},
    {DType::q1_0, "Q1_0", 41, 128, 18, false},
    {DType::q2_0, "Q2_0", 42, 64, 18, false},
    {DType::ggml_other, "a GGML kind that is not known", 0, 1, 0, false},
}};

// binary16 at any address.
float half_at(Bytes from) {
    Half half;
    std::memcpy(&half.bits, from, sizeof(half.bits));
    return static_cast<float>(half);
}

float real(int value) {
    return static_cast<float>(value);
}

// 16 bytes: their low nibbles are the first 16 numbers of a block of 32, the high ones the others.
void q4_0(Bytes block, float* to) {
    const float d = half_at(block);
    for (int j = 0; j < 16; ++j) {
        to[j] = d * real((block[2 + j] & 15) - 8);
        to[16 + j] = d * real((block[2 + j] >> 4) - 8);
    }
}

void q4_1(Bytes block, float* to) {
    const float d = half_at(block), m = half_at(block + 2);
    for (int j = 0; j < 16; ++j) {
        to[j] = d * real(block[4 + j] & 15) + m;
        to[16 + j] = d * real(block[4 + j] >> 4) + m;
    }
}

// The fifth bits of 32 numbers stand together, number 0's lowest.
void q5_0(Bytes block, float* to) {
    const float d = half_at(block);
    std::uint32_t high = 0;
    std::memcpy(&high, block + 2, sizeof(high));
    for (unsigned j = 0; j < 16; ++j) {
        const int first = (block[6 + j] & 15) | static_cast<int>((high >> j & 1) << 4);
        const int second = (block[6 + j] >> 4) | static_cast<int>((high >> (j + 16) & 1) << 4);
        to[j] = d * real(first - 16);
        to[16 + j] = d * real(second - 16);
    }
}

void q5_1(Bytes block, float* to) {
    const float d = half_at(block), m = half_at(block + 2);
    std::uint32_t high = 0;
    std::memcpy(&high, block + 4, sizeof(high));
    for (unsigned j = 0; j < 16; ++j) {
        const int first = (block[8 + j] & 15) | static_cast<int>((high >> j & 1) << 4);
        const int second = (block[8 + j] >> 4) | static_cast<int>((high >> (j + 16) & 1) << 4);
        to[j] = d * real(first) + m;
        to[16 + j] = d * real(second) + m;
    }
}

void q8_0(Bytes block, float* to) {
    const float d = half_at(block);
    for (int j = 0; j < 32; ++j) to[j] = real(static_cast<std::int8_t>(block[2 + j])) * d;
}

// The K kinds: 256 numbers; two bits a number lie as 2 × (32 bytes of 4 shifts), scales one for 16 numbers.
void q2_k(Bytes block, float* to) {
    const float d = half_at(block + 80), dmin = half_at(block + 82);
    for (int g = 0; g < 16; ++g) {
        const float scale = d * real(block[g] & 15), least = dmin * real(block[g] >> 4);
        const Bytes from = block + 16 + (g / 8) * 32 + (g % 2) * 16;
        const int shift = (g % 8) / 2 * 2;
        for (int j = 0; j < 16; ++j) to[g * 16 + j] = scale * real(from[j] >> shift & 3) - least;
    }
}

// A third bit stands in the mask, and takes 4 away where it is not set. Scales have six bits: low four in
// eight bytes, high two in the four that follow.
void q3_k(Bytes block, float* to) {
    const Bytes mask = block, twos = block + 32, low = block + 96, high = block + 104;
    const float d = half_at(block + 108);
    for (int g = 0; g < 16; ++g) {
        const int scale = (low[g % 8] >> (g / 8 * 4) & 15) | (high[g % 4] >> (g / 4 * 2) & 3) << 4;
        const float step = d * real(scale - 32);
        const Bytes from = twos + (g / 8) * 32 + (g % 2) * 16, bits = mask + (g % 2) * 16;
        const int shift = (g % 8) / 2 * 2, bit = g / 2;
        for (int j = 0; j < 16; ++j) {
            const int without = 4 - (bits[j] >> bit & 1) * 4;
            to[g * 16 + j] = step * real((from[j] >> shift & 3) - without);
        }
    }
}

// Scale and least value of group g of 8 in Q4_K and Q5_K, six bits each in twelve bytes.
void scale_and_least(Bytes scales, int g, int& scale, int& least) {
    if (g < 4) {
        scale = scales[g] & 63;
        least = scales[4 + g] & 63;
    } else {
        scale = (scales[4 + g] & 15) | (scales[g - 4] >> 2 & 48);
        least = scales[4 + g] >> 4 | (scales[g] >> 2 & 48);
    }
}

void q4_k(Bytes block, float* to) {
    const float d = half_at(block), dmin = half_at(block + 2);
    for (int g = 0; g < 8; ++g) {
        int scale = 0, least = 0;
        scale_and_least(block + 4, g, scale, least);
        const float step = d * real(scale), bottom = dmin * real(least);
        const Bytes from = block + 16 + g / 2 * 32;
        const int shift = g % 2 * 4;
        for (int j = 0; j < 32; ++j) to[g * 32 + j] = step * real(from[j] >> shift & 15) - bottom;
    }
}

void q5_k(Bytes block, float* to) {
    const float d = half_at(block), dmin = half_at(block + 2);
    const Bytes fifth = block + 16;
    for (int g = 0; g < 8; ++g) {
        int scale = 0, least = 0;
        scale_and_least(block + 4, g, scale, least);
        const float step = d * real(scale), bottom = dmin * real(least);
        const Bytes from = block + 48 + g / 2 * 32;
        const int shift = g % 2 * 4;
        for (int j = 0; j < 32; ++j) {
            const int q = (from[j] >> shift & 15) | (fifth[j] >> g & 1) << 4;
            to[g * 32 + j] = step * real(q) - bottom;
        }
    }
}

void q6_k(Bytes block, float* to) {
    const Bytes low = block, high = block + 128, scales = block + 192;
    const float d = half_at(block + 208);
    for (int g = 0; g < 16; ++g) {
        const float step = d * real(static_cast<std::int8_t>(scales[g]));
        const int row = g / 2;  // of 32 numbers
        const Bytes fours = low + row / 4 * 64 + row % 2 * 32 + g % 2 * 16;
        const Bytes twos = high + row / 4 * 32 + g % 2 * 16;
        const int shift = row % 4 / 2 * 4, pair = row % 4 * 2;
        for (int j = 0; j < 16; ++j) {
            const int q = (fours[j] >> shift & 15) | (twos[j] >> pair & 3) << 4;
            to[g * 16 + j] = step * real(q - 32);
        }
    }
}

// Sixteen levels that lie closer around zero.
constexpr std::array<float, 16> uneven_levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                              1,    13,   25,  38,  53,  69,  89,  113};

void iq4_nl(Bytes block, float* to) {
    const float d = half_at(block);
    for (int j = 0; j < 16; ++j) {
        to[j] = d * uneven_levels[block[2 + j] & 15];
        to[16 + j] = d * uneven_levels[block[2 + j] >> 4];
    }
}

void iq4_xs(Bytes block, float* to) {
    const float d = half_at(block);
    const int high = block[2] | block[3] << 8;
    for (int g = 0; g < 8; ++g) {
        const int scale = (block[4 + g / 2] >> (g % 2 * 4) & 15) | (high >> (2 * g) & 3) << 4;
        const float step = d * real(scale - 32);
        const Bytes from = block + 8 + g * 16;
        for (int j = 0; j < 16; ++j) {
            to[g * 32 + j] = step * uneven_levels[from[j] & 15];
            to[g * 32 + 16 + j] = step * uneven_levels[from[j] >> 4];
        }
    }
}

// Twice the values of E2M1 (OCP Microscaling Formats 1.0); the scales below are halved for it.
constexpr std::array<float, 16> doubled_e2m1{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void mxfp4(Bytes block, float* to) {
    const std::uint32_t e = block[0];  // E8M0: 2^(e - 127), halved
    const float d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    for (int j = 0; j < 16; ++j) {
        to[j] = d * doubled_e2m1[block[1 + j] & 15];
        to[16 + j] = d * doubled_e2m1[block[1 + j] >> 4];
    }
}

// UE4M3, halved. Its sign bit is not looked at; 0x7F is its NaN and counts as nothing.
float halved_ue4m3(std::uint32_t x) {
    if (x == 0 || x == 0x7F) return 0.0f;
    const std::uint32_t exponent = x >> 3 & 15, mantissa = x & 7;
    if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
    const float power = std::bit_cast<float>((exponent - 8 + 127) << 23);
    return (1.0f + static_cast<float>(mantissa) / 8.0f) * power;
}

void nvfp4(Bytes block, float* to) {
    for (int g = 0; g < 4; ++g) {
        const float d = halved_ue4m3(block[g]);
        const Bytes from = block + 4 + g * 8;
        for (int j = 0; j < 8; ++j) {
            to[g * 16 + j] = d * doubled_e2m1[from[j] & 15];
            to[g * 16 + 8 + j] = d * doubled_e2m1[from[j] >> 4];
        }
    }
}

// Ternary, five to a byte: byte · 3^k mod 256 holds digit k in its upper part.
void tq1_0(Bytes block, float* to) {
    constexpr std::array<unsigned, 5> powers{1, 3, 9, 27, 81};
    const float d = half_at(block + 52);
    const auto rows = [&](Bytes from, int width, int digits) {
        for (int k = 0; k < digits; ++k) {
            for (int j = 0; j < width; ++j) {
                const unsigned shifted = from[j] * powers[static_cast<std::size_t>(k)] & 255;
                *to++ = d * real(static_cast<int>(shifted * 3 >> 8) - 1);
            }
        }
    };
    rows(block, 32, 5);
    rows(block + 32, 16, 5);
    rows(block + 48, 4, 4);
}

void tq2_0(Bytes block, float* to) {
    const float d = half_at(block + 64);
    for (int row = 0; row < 8; ++row) {
        const Bytes from = block + row / 4 * 32;
        const int shift = row % 4 * 2;
        for (int j = 0; j < 32; ++j) to[row * 32 + j] = d * real((from[j] >> shift & 3) - 1);
    }
}

template <void (*decode)(Bytes, float*)>
void all_blocks(const QuantisedKind& kind, Bytes from, std::size_t blocks, float* to) {
    for (std::size_t i = 0; i < blocks; ++i) decode(from + i * kind.bytes, to + i * kind.elements);
}

}  // namespace

bool is_quantised(DType dtype) {
    return dtype >= DType::q4_0 && dtype <= DType::ggml_other;
}

const QuantisedKind& quantised_kind(DType dtype) {
    for (const QuantisedKind& kind : kinds) {
        if (kind.dtype == dtype) return kind;
    }
    return kinds.back();
}

DType dtype_from_ggml(std::uint32_t id) {
    switch (id) {
        case 0:
            return DType::f32;
        case 1:
            return DType::f16;
        case 24:
            return DType::i8;
        case 25:
            return DType::i16;
        case 26:
            return DType::i32;
        case 27:
            return DType::i64;
        case 28:
            return DType::f64;
        case 30:
            return DType::bf16;
        default:
            break;
    }
    for (const QuantisedKind& kind : kinds) {
        if (kind.id == id) return kind.dtype;
    }
    return DType::ggml_other;
}

void dequantise(DType dtype, const std::byte* from, std::size_t blocks, float* to) {
    const QuantisedKind& kind = quantised_kind(dtype);
    const auto bytes = reinterpret_cast<Bytes>(from);
    switch (dtype) {
        case DType::q4_0:
            return all_blocks<q4_0>(kind, bytes, blocks, to);
        case DType::q4_1:
            return all_blocks<q4_1>(kind, bytes, blocks, to);
        case DType::q5_0:
            return all_blocks<q5_0>(kind, bytes, blocks, to);
        case DType::q5_1:
            return all_blocks<q5_1>(kind, bytes, blocks, to);
        case DType::q8_0:
            return all_blocks<q8_0>(kind, bytes, blocks, to);
        case DType::q2_k:
            return all_blocks<q2_k>(kind, bytes, blocks, to);
        case DType::q3_k:
            return all_blocks<q3_k>(kind, bytes, blocks, to);
        case DType::q4_k:
            return all_blocks<q4_k>(kind, bytes, blocks, to);
        case DType::q5_k:
            return all_blocks<q5_k>(kind, bytes, blocks, to);
        case DType::q6_k:
            return all_blocks<q6_k>(kind, bytes, blocks, to);
        case DType::iq4_nl:
            return all_blocks<iq4_nl>(kind, bytes, blocks, to);
        case DType::iq4_xs:
            return all_blocks<iq4_xs>(kind, bytes, blocks, to);
        case DType::mxfp4:
            return all_blocks<mxfp4>(kind, bytes, blocks, to);
        case DType::nvfp4:
            return all_blocks<nvfp4>(kind, bytes, blocks, to);
        case DType::tq1_0:
            return all_blocks<tq1_0>(kind, bytes, blocks, to);
        case DType::tq2_0:
            return all_blocks<tq2_0>(kind, bytes, blocks, to);
        default:
            return;  // not decoded: the caller has refused it
    }
}

}  // namespace deadscope

// The 8-bit floating types (OCP FP8 and MX, and the FNUZ variants): each a table of its 256 values, all exact
// in float.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace deadscope {

// What the codes beyond the largest value mean.
enum class Float8Ends {
    ieee,          // E5M2: the highest exponent holds infinities and NaN
    finite,        // E4M3: all ones is NaN, of either sign
    unsigned_zero  // FNUZ: the code of -0 is NaN, and nothing else
};

constexpr float float8_value(unsigned code, unsigned mantissa_bits, int bias, Float8Ends ends) {
    const unsigned magnitude = code & 0x7Fu, mantissa = magnitude & ((1u << mantissa_bits) - 1u);
    const int exponent = static_cast<int>(magnitude >> mantissa_bits);
    const int highest = (1 << (7u - mantissa_bits)) - 1;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    const float sign = code >= 0x80u ? -1.0f : 1.0f;
    if (ends == Float8Ends::unsigned_zero && code == 0x80u) return nan;
    if (ends == Float8Ends::finite && magnitude == 0x7Fu) return nan;
    if (ends == Float8Ends::ieee && exponent == highest)
        return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : nan;
    const auto power = [](int e) { return std::bit_cast<float>(static_cast<std::uint32_t>(e + 127) << 23); };
    const float unit = power(-static_cast<int>(mantissa_bits));
    if (exponent == 0) return sign * static_cast<float>(mantissa) * unit * power(1 - bias);
    return sign * (1.0f + static_cast<float>(mantissa) * unit) * power(exponent - bias);
}

// E8M0: a power of two without a sign or mantissa.
constexpr float float8_scale(unsigned code) {
    if (code == 0xFFu) return std::numeric_limits<float>::quiet_NaN();
    return std::bit_cast<float>(code == 0 ? 0x00400000u : static_cast<std::uint32_t>(code) << 23);
}

using Float8Table = std::array<float, 256>;
template <unsigned mantissa_bits, int bias, Float8Ends ends>
constexpr Float8Table float8_table = [] {
    Float8Table out{};
    for (unsigned code = 0; code < 256; ++code) out[code] = float8_value(code, mantissa_bits, bias, ends);
    return out;
}();
constexpr Float8Table float8_scales = [] {
    Float8Table out{};
    for (unsigned code = 0; code < 256; ++code) out[code] = float8_scale(code);
    return out;
}();

// A stored byte, by its table.
template <const Float8Table& table>
struct Float8 {
    std::uint8_t bits;
    explicit operator float() const { return table[bits]; }
    explicit operator double() const { return static_cast<double>(table[bits]); }
};
using F8E4M3 = Float8<float8_table<3, 7, Float8Ends::finite>>;
using F8E5M2 = Float8<float8_table<2, 15, Float8Ends::ieee>>;
using F8E4M3Fnuz = Float8<float8_table<3, 8, Float8Ends::unsigned_zero>>;
using F8E5M2Fnuz = Float8<float8_table<2, 16, Float8Ends::unsigned_zero>>;
using F8E8M0 = Float8<float8_scales>;

}  // namespace deadscope

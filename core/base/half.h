// The two 16-bit floating types as files store them, widened exactly to binary32.
#pragma once

#include <bit>
#include <cstdint>

namespace deadscope {

// IEEE 754 binary16. The magnitude, moved to binary32's place, is 2^112 too small; infinities and NaN apart.
struct Half {
    std::uint16_t bits;
    explicit operator float() const {
        const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7FFFu;
        const bool special = magnitude >= 0x7C00u;
        const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
        const std::uint32_t out =
            special ? (0x7F800000u | (magnitude << 13)) : std::bit_cast<std::uint32_t>(scaled);
        return std::bit_cast<float>(out | sign);
    }
    explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

// bfloat16: the upper half of a binary32.
struct Brain {
    std::uint16_t bits;
    explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
    explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

}  // namespace deadscope

// See half_types.h: rounding by the definition of the formats (IEEE 754 §3.4, §4.3.1).
#include "tests/emulation/half_types.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/half.h"

namespace deadscope_emulation {

namespace {

// The nearest number with `digits` significant bits and exponents from `least`; rint() ties to even.
double rounded(double x, int digits, int least) {
    const int exponent = std::max(std::ilogb(x), least) - (digits - 1);
    return std::ldexp(std::rint(std::ldexp(x, -exponent)), exponent);
}

}  // namespace

float half_to_float(std::uint16_t bits) {
    return static_cast<float>(deadscope::Half{bits});
}
float brain_to_float(std::uint16_t bits) {
    return static_cast<float>(deadscope::Brain{bits});
}

std::uint16_t half_from(double value) {
    const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return 0x7FFF;
    double x = std::fabs(value);
    if (x == 0.0) return sign;
    if (std::isfinite(x)) x = rounded(x, 11, -14);
    if (x > 65504.0) return static_cast<std::uint16_t>(sign | 0x7C00);
    // A multiple of 2^-24 below 2^16: the float's bits shifted down, after its exponent's bias has become
    // 15's.
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(x) * 0x1p-112f) >> 13;
    return static_cast<std::uint16_t>(sign | bits);
}

std::uint16_t brain_from(double value) {
    if (std::isnan(value)) return 0x7FFF;
    if (value != 0.0 && std::isfinite(value)) value = rounded(value, 8, -126);
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16);
}

}  // namespace deadscope_emulation

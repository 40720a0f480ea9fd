// CUDA's two 16-bit floating types, for storage: conversions only, rounded to nearest, ties to even. Their
// arithmetic is not emulated, so that a kernel that rounds after every step does not compile here.
#pragma once

#include <cstdint>

#include "tests/emulation/vectors.h"

namespace deadscope_emulation {

float half_to_float(std::uint16_t bits);
std::uint16_t half_from(double value);  // exact for a float, and rounded once
float brain_to_float(std::uint16_t bits);
std::uint16_t brain_from(double value);

}  // namespace deadscope_emulation

struct __half_raw {
    unsigned short x;
};
struct __nv_bfloat16_raw {
    unsigned short x;
};

struct alignas(2) __half {
    __half() = default;
    explicit __half(float value) : bits_(deadscope_emulation::half_from(static_cast<double>(value))) {}
    explicit __half(double value) : bits_(deadscope_emulation::half_from(value)) {}
    constexpr __half(__half_raw raw) : bits_(raw.x) {}
    constexpr operator __half_raw() const { return {bits_}; }
    explicit operator float() const { return deadscope_emulation::half_to_float(bits_); }

private:
    std::uint16_t bits_;
};

struct alignas(2) __nv_bfloat16 {
    __nv_bfloat16() = default;
    explicit __nv_bfloat16(float value)
        : bits_(deadscope_emulation::brain_from(static_cast<double>(value))) {}
    explicit __nv_bfloat16(double value) : bits_(deadscope_emulation::brain_from(value)) {}
    constexpr __nv_bfloat16(__nv_bfloat16_raw raw) : bits_(raw.x) {}
    constexpr operator __nv_bfloat16_raw() const { return {bits_}; }
    explicit operator float() const { return deadscope_emulation::brain_to_float(bits_); }

private:
    std::uint16_t bits_;
};

struct alignas(4) __half2 {
    __half x, y;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
using half = __half;
using half2 = __half2;
using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

inline float __half2float(__half h) {
    return static_cast<float>(h);
}
inline __half __float2half(float x) {
    return __half(x);
}
inline __half __float2half_rn(float x) {
    return __half(x);
}
inline __half __double2half(double x) {
    return __half(x);
}
inline unsigned short __half_as_ushort(__half h) {
    return static_cast<__half_raw>(h).x;
}
inline __half __ushort_as_half(unsigned short bits) {
    return __half_raw{bits};
}
inline float2 __half22float2(__half2 h) {
    return {static_cast<float>(h.x), static_cast<float>(h.y)};
}

inline float __bfloat162float(__nv_bfloat16 b) {
    return static_cast<float>(b);
}
inline __nv_bfloat16 __float2bfloat16(float x) {
    return __nv_bfloat16(x);
}
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    return __nv_bfloat16(x);
}
inline __nv_bfloat16 __double2bfloat16(double x) {
    return __nv_bfloat16(x);
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 b) {
    return static_cast<__nv_bfloat16_raw>(b).x;
}
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    return __nv_bfloat16_raw{bits};
}
inline float2 __bfloat1622float2(__nv_bfloat162 b) {
    return {static_cast<float>(b.x), static_cast<float>(b.y)};
}

// CUDA's device functions on numbers, for the subset that deadscope's kernels use; the fast ones are as exact
// here as the others. Anything else does not compile.
#pragma once

#include <math.h>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

template <typename T>
T __ldg(const T* at) {
    return *at;
}

// Of two numbers as CUDA has it: integers become their common type, a NaN loses against a number.
template <typename A, typename B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> min(A a, B b) {
    using T = std::common_type_t<A, B>;
    if constexpr (std::floating_point<T>) {
        return a != a ? T(b) : T(b) < T(a) ? T(b) : T(a);
    } else {
        return T(b) < T(a) ? T(b) : T(a);
    }
}
template <typename A, typename B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> max(A a, B b) {
    using T = std::common_type_t<A, B>;
    if constexpr (std::floating_point<T>) {
        return a != a ? T(b) : T(a) < T(b) ? T(b) : T(a);
    } else {
        return T(a) < T(b) ? T(b) : T(a);
    }
}

inline float rsqrtf(float x) {
    return 1.0f / sqrtf(x);
}
inline double rsqrt(double x) {
    return 1.0 / sqrt(x);
}
inline float rsqrt(float x) {
    return rsqrtf(x);
}
inline float __expf(float x) {
    return expf(x);
}
inline float __logf(float x) {
    return logf(x);
}
inline float __powf(float x, float y) {
    return powf(x, y);
}
inline float __fdividef(float a, float b) {
    return a / b;
}
inline float __frcp_rn(float x) {
    return 1.0f / x;
}
inline float __frsqrt_rn(float x) {
    return static_cast<float>(1.0 / sqrt(static_cast<double>(x)));
}
inline float __saturatef(float x) {
    return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}

// Rounded once and never contracted: the emulation is built without contraction too.
inline float __fadd_rn(float a, float b) {
    return a + b;
}
inline float __fsub_rn(float a, float b) {
    return a - b;
}
inline float __fmul_rn(float a, float b) {
    return a * b;
}
inline float __fdiv_rn(float a, float b) {
    return a / b;
}
inline float __fsqrt_rn(float a) {
    return sqrtf(a);
}
inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
inline double __dadd_rn(double a, double b) {
    return a + b;
}
inline double __dmul_rn(double a, double b) {
    return a * b;
}
inline double __fma_rn(double a, double b, double c) {
    return fma(a, b, c);
}

inline float __int_as_float(int bits) {
    return std::bit_cast<float>(bits);
}
inline int __float_as_int(float x) {
    return std::bit_cast<int>(x);
}
inline float __uint_as_float(unsigned bits) {
    return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float x) {
    return std::bit_cast<unsigned>(x);
}
inline double __longlong_as_double(long long bits) {
    return std::bit_cast<double>(bits);
}
inline long long __double_as_longlong(double x) {
    return std::bit_cast<long long>(x);
}

inline int __popc(unsigned x) {
    return std::popcount(x);
}
inline int __clz(int x) {
    return std::countl_zero(static_cast<unsigned>(x));
}
inline int __ffs(int x) {
    return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}

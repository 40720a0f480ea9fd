// Elementary functions as plain arithmetic, so that loops over them vectorise (a call into libm would not).
// Accurate to a few units in the last place over the ranges that the activations and the softmax need.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/function_clones.h"

namespace deadscope::cpu {

// e^x for x clamped to where the result is normal: below, 2^-126 or 2^-1022 stands for what would be zero to
// T's precision beside any other term. x = n ln 2 + r, |r| <= ln 2 / 2; adding 1.5 · 2^p rounds to the
// integer n and leaves its bits at the bottom of the sum. ln 2 is split so that n · (its first part) is exact
// (Cody & Waite).
DEADSCOPE_INLINE float fast_exp(float x) {
    x = std::min(std::max(x, -87.0f), 88.0f);
    constexpr float magic = 0x1.8p23f;
    const float shifted = x * 0x1.715476p0f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0x1.62ep-1f) - n * 0x1.0bfbe8p-15f;
    // Taylor to r^7: the next term is 5e-9 of the result.
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) + 127u;
    return p * std::bit_cast<float>(exponent << 23);
}

DEADSCOPE_INLINE double fast_exp(double x) {
    x = std::min(std::max(x, -708.0), 709.0);
    constexpr double magic = 0x1.8p52;
    const double shifted = x * 0x1.71547652b82fep0 + magic;
    const double n = shifted - magic;
    const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    // Taylor to r^13: the next term is 4e-18 of the result.
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) + 1023u;
    return p * std::bit_cast<double>(exponent << 52);
}

// erf(x) = x · P(t), t = x² / (c²/2) - 1 over |x| <= c, where erf is 1 to T's precision beyond. P
// interpolates erf(√s)/√s at Chebyshev nodes of s in [0, c²], written in powers of t; its error is 1e-11 (c =
// 4, degree 20, evaluated in double) and 7e-16 (c = 6, degree 38).
inline constexpr std::array<double, 21> erf_to_4{
    0.35353099564340495,   -0.1765762332142376,    0.13167511686631903,    -0.1077104489095233,
    0.0902089961907006,    -0.07472772837517466,   0.059886860225133925,   -0.045766463466210563,
    0.03306107366347555,   -0.022466263707243098,  0.014347216896437105,   -0.008629832983801853,
    0.004861257452313889,  -0.0025306721064139617, 0.001277072805758373,   -0.0006727975797938545,
    0.0002951384370466126, -7.246152144638048e-05, 3.2979383818983124e-05, -3.668360645354812e-05,
    1.2874054698224224e-05};
inline constexpr std::array<double, 39> erf_to_6{
    0.23570225993043398,    -0.11785112137262119,    0.08838826369610248,    -0.07365642241320328,
    0.06444728161075869,    -0.057995036649434596,   0.05313956651851802,    -0.04928589633493584,
    0.046075057642649124,   -0.04325439373456959,    0.04062198019026118,    -0.03800691250056839,
    0.035270422818714994,   -0.03231780310021336,    0.02911108566918724,    -0.025676336762052956,
    0.022104046499048145,   -0.0185275479300828,     0.015075325790688867,   -0.011872553123280017,
    0.009088218656595138,   -0.0068029930764532025,  0.004856288687812304,   -0.003213986014352768,
    0.0021971752755816963,  -0.0016898187504253057,  0.0010145667728595708,  -0.0002875898874820911,
    0.00022371725484668562, -0.0004546118310253183,  0.00021322202265280042, 0.00012318771698330871,
    -4.231771946557944e-05, -0.00010541552026511054, 4.4140287824586804e-05, 2.478314232909839e-05,
    -9.788256708600852e-06, -5.78207276954887e-06,   2.4035327283179525e-06};

// Horner's rule written out: a loop here would keep the loop around it from being vectorised.
template <typename T, std::size_t terms, std::size_t... k>
DEADSCOPE_INLINE T polynomial(T t, const std::array<double, terms>& c, std::index_sequence<k...>) {
    T p = static_cast<T>(c[terms - 1]);
    ((p = p * t + static_cast<T>(c[terms - 2 - k])), ...);
    return p;
}
// To float's precision, in double; x already clamped to [-4, 4].
DEADSCOPE_INLINE double fast_erf_to_4(double x) {
    return x * polynomial(x * x / 8.0 - 1.0, erf_to_4, std::make_index_sequence<erf_to_4.size() - 1>{});
}
DEADSCOPE_INLINE double fast_erf(double x) {
    const double c = std::min(std::max(x, -6.0), 6.0);
    return c * polynomial(c * c / 18.0 - 1.0, erf_to_6, std::make_index_sequence<erf_to_6.size() - 1>{});
}

// (e^y - 1) / y = Σ yᵏ / (k + 1)!; for |y| <= 1/2 the next term is 5e-17.
inline constexpr std::array<double, 14> expm1_over_y{1.0,
                                                     1.0 / 2,
                                                     1.0 / 6,
                                                     1.0 / 24,
                                                     1.0 / 120,
                                                     1.0 / 720,
                                                     1.0 / 5040,
                                                     1.0 / 40320,
                                                     1.0 / 362880,
                                                     1.0 / 3628800,
                                                     1.0 / 39916800,
                                                     1.0 / 479001600,
                                                     1.0 / 6227020800,
                                                     1.0 / 87178291200};
// tanh(u) = m / (m + 2) with m = e^(2u) - 1, which near zero comes from its series, so that no digits cancel.
template <typename T>
DEADSCOPE_INLINE T fast_tanh(T u) {
    const T y = std::min(std::max(2 * u, T{-40}), T{40});
    const T near = std::min(std::max(y, T{-0.5}), T{0.5});
    const T series =
        near * polynomial(near, expm1_over_y, std::make_index_sequence<expm1_over_y.size() - 1>{});
    const T m = y == near ? series : fast_exp(y) - T{1};
    return m / (m + T{2});
}

}  // namespace deadscope::cpu

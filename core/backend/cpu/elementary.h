// Elementary functions as plain arithmetic, so that loops over them vectorise (a call into libm would not).
// Their errors are stated and tested (tests/core/backend/elementary_test.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/function_clones.h"

namespace deadscope::cpu {

// Horner's rule written out: a loop here would keep the loop around it from being vectorised.
template <typename T, std::size_t terms, std::size_t... k>
DEADSCOPE_INLINE T polynomial(T t, const std::array<double, terms>& c, std::index_sequence<k...>) {
    T p = static_cast<T>(c[terms - 1]);
    ((p = p * t + static_cast<T>(c[terms - 2 - k])), ...);
    return p;
}
template <typename T, std::size_t terms>
DEADSCOPE_INLINE T polynomial(T t, const std::array<double, terms>& c) {
    return polynomial(t, c, std::make_index_sequence<terms - 1>{});
}

// e^r for |r| <= ln 2 / 2: 1 + r + r² P(r), P fitted for the least greatest relative error, which is 3e-9 and
// 4e-18.
inline constexpr std::array<double, 7> exp_float{1.0,
                                                 1.0,
                                                 0x1.fffffb978f0bep-2,
                                                 0x1.555491026a88dp-3,
                                                 0x1.5558f3048b6a2p-5,
                                                 0x1.123a2049ec275p-7,
                                                 0x1.6a23c6b552abdp-10};
inline constexpr std::array<double, 12> exp_double{1.0,
                                                   1.0,
                                                   0x1.000000000000ap-1,
                                                   0x1.55555555554f9p-3,
                                                   0x1.555555555083cp-5,
                                                   0x1.1111111127d10p-7,
                                                   0x1.6c16c184391a4p-10,
                                                   0x1.a01a012a1027dp-13,
                                                   0x1.a01999e1631b0p-16,
                                                   0x1.71df25aef3226p-19,
                                                   0x1.28ad9c5ba8f25p-22,
                                                   0x1.ad7f47a3d3987p-26};

// 2^r for |r| <= 1/2 likewise; 2e-9 and 4e-18.
inline constexpr std::array<double, 7> exp2_float{1.0,
                                                  0x1.62e430afba441p-1,
                                                  0x1.ebfbdc3937661p-3,
                                                  0x1.c6aee7b67a910p-5,
                                                  0x1.3b2d4e52016afp-7,
                                                  0x1.5f3ec38740ecdp-10,
                                                  0x1.41fb70b69de28p-13};
inline constexpr std::array<double, 12> exp2_double{1.0,
                                                    0x1.62e42fefa39efp-1,
                                                    0x1.ebfbdff82c5a4p-3,
                                                    0x1.c6b08d7049fe7p-5,
                                                    0x1.3b2ab6fba00c2p-7,
                                                    0x1.5d87fe78cd9d9p-10,
                                                    0x1.4309130eeb74fp-13,
                                                    0x1.ffcbfba8d6894p-17,
                                                    0x1.62bfc76bc7f49p-20,
                                                    0x1.b5267dc5fd61bp-24,
                                                    0x1.e61ba962f72a2p-28,
                                                    0x1.e79b0ebce5accp-32};

// e^x for x where the result is normal, to 1.1 units of its last place. x = n ln 2 + r, |r| <= ln 2 / 2;
// adding 1.5 · 2^p rounds to the integer n and leaves its bits at the bottom of the sum. ln 2 is split so
// that n · (its first part) is exact (Cody & Waite).
DEADSCOPE_INLINE float exp_in_range(float x) {
    constexpr float magic = 0x1.8p23f;
    const float shifted = x * 0x1.715476p0f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0x1.62ep-1f) - n * 0x1.0bfbe8p-15f;
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) + 127u;
    return polynomial(r, exp_float) * std::bit_cast<float>(exponent << 23);
}
DEADSCOPE_INLINE double exp_in_range(double x) {
    constexpr double magic = 0x1.8p52;
    const double shifted = x * 0x1.71547652b82fep0 + magic;
    const double n = shifted - magic;
    const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) + 1023u;
    return polynomial(r, exp_double) * std::bit_cast<double>(exponent << 52);
}
// Clamped to that range: below, 2^-126 or 2^-1022 stands for what would be zero to T's precision beside any
// other term.
DEADSCOPE_INLINE float fast_exp(float x) {
    return exp_in_range(std::min(std::max(x, -87.0f), 88.0f));
}
DEADSCOPE_INLINE double fast_exp(double x) {
    return exp_in_range(std::min(std::max(x, -708.0), 709.0));
}

// The normal distribution's tail Φ(-a) = erfc(a / √2) / 2 for a in [0, 12.875], as the exponential of a
// polynomial that is fitted to its logarithm with the weight Φ(-a) + 1e-6: to 4.5e-8 and, where it is small,
// to 0.3 % of itself.
inline constexpr std::array<double, 13> log_of_tail{
    -0.693147176949271,     -0.7978848175700985,    -0.3183070234873218,    -0.03634716437933509,
    0.004803443928584017,   1.8984590869273858e-05, -0.0002095834293660333, 6.063889805213684e-05,
    -9.888766781150192e-06, 1.0154032327863523e-06, -6.44723845013812e-08,  2.304615460295405e-09,
    -3.538256304556766e-11};
DEADSCOPE_INLINE float normal_tail(float a) {
    return exp_in_range(polynomial(a, log_of_tail));
}

// erf(x) = x · P(t), t = x² / (c²/2) - 1 over |x| <= c = 6, where erf is 1 to double's precision beyond. P
// interpolates erf(√s)/√s at 39 Chebyshev nodes of s in [0, c²], written in powers of t; its error is 7e-16,
// and that of the function 6 units of the last place.
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

DEADSCOPE_INLINE double fast_erf(double x) {
    const double c = std::min(std::max(x, -6.0), 6.0);
    const double inside = c * polynomial(c * c / 18.0 - 1.0, erf_to_6);
    return std::abs(x) >= 6.0 ? std::copysign(1.0, x) : inside;
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
    const T series = near * polynomial(near, expm1_over_y);
    const T m = y == near ? series : fast_exp(y) - T{1};
    return m / (m + T{2});
}

}  // namespace deadscope::cpu

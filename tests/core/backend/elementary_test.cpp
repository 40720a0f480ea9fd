// The elementary functions of the CPU backend beside long double's, at every exponent and at the edges, and
// as vectorised loops beside the same arithmetic one by one.
#include "core/backend/cpu/elementary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>
#include <vector>

#include "core/backend/cpu/row_kernels.h"
#include "core/base/philox.h"

namespace deadscope::testing {
namespace {

template <typename T>
class Elementary : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Elementary, Types);

// Of both signs, every exponent from the least denormal's to that of `largest`.
template <typename T>
std::vector<T> values_up_to(T largest) {
    const Philox stream(11, "elementary");
    std::vector<T> values{T{0}, -T{0}};
    constexpr int least = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
    std::uint64_t at = 0;
    for (int exponent = least; exponent <= std::ilogb(largest); ++exponent) {
        for (int i = 0; i < 200; ++i) {
            const double significand = 1.0 + stream.uniform(at++);
            const T x = static_cast<T>(std::ldexp(significand, exponent));
            if (x > largest) continue;
            values.push_back(x);
            values.push_back(-x);
        }
    }
    return values;
}

// In units of the last place of the exact value, as T has them.
template <typename T>
double units(T actual, long double exact) {
    const int exponent = std::max(std::ilogb(exact), std::numeric_limits<T>::min_exponent - 1);
    const long double place = std::ldexp(1.0L, exponent + 1 - std::numeric_limits<T>::digits);
    return static_cast<double>(std::abs(static_cast<long double>(actual) - exact) / place);
}

TYPED_TEST(Elementary, ExponentialWithinTheStatedError) {
    using T = TypeParam;
    const T most = std::is_same_v<T, float> ? T{87} : T{708};
    double worst = 0.0;
    for (const T x : values_up_to(most))
        worst = std::max(worst, units(cpu::fast_exp(x), std::exp(static_cast<long double>(x))));
    EXPECT_LE(worst, 1.1);
}

TYPED_TEST(Elementary, ExponentialBeyondItsRange) {
    using T = TypeParam;
    constexpr T inf = std::numeric_limits<T>::infinity();
    for (const T x : {-inf, std::numeric_limits<T>::lowest(), T{-1e4}}) {
        EXPECT_GE(cpu::fast_exp(x), T{0});
        EXPECT_LE(cpu::fast_exp(x), 2 * std::numeric_limits<T>::min());
    }
    EXPECT_GE(cpu::fast_exp(inf), std::numeric_limits<T>::max() / 8);
    EXPECT_TRUE(std::isnan(cpu::fast_exp(std::numeric_limits<T>::quiet_NaN())));
}

TEST(ErrorFunction, WithinTheStatedError) {
    double worst = 0.0;
    for (const double x : values_up_to(1e300))
        if (x != 0.0) worst = std::max(worst, units(cpu::fast_erf(x), std::erf(static_cast<long double>(x))));
    EXPECT_LE(worst, 6.0);
    constexpr double inf = std::numeric_limits<double>::infinity();
    EXPECT_EQ(cpu::fast_erf(0.0), 0.0);
    for (const double x : {6.0, 1e4, inf}) {
        EXPECT_EQ(cpu::fast_erf(x), 1.0);
        EXPECT_EQ(cpu::fast_erf(-x), -1.0);
    }
    EXPECT_TRUE(std::isnan(cpu::fast_erf(std::nan(""))));
}

TEST(NormalTail, WithinTheStatedError) {
    double worst = 0.0, worst_of_own = 0.0;
    for (float a : values_up_to(12.875f)) {
        a = std::abs(a);
        const double exact = 0.5 * std::erfc(static_cast<double>(a) / std::numbers::sqrt2);
        const double error = std::abs(static_cast<double>(cpu::normal_tail(a)) - exact);
        worst = std::max(worst, error);
        worst_of_own = std::max(worst_of_own, error / exact);
    }
    EXPECT_LE(worst, 4.5e-8);
    EXPECT_LE(worst_of_own, 3e-3);
}

// The same function through the loop that is compiled for this processor, at lengths that leave a rest.
TEST(Gelu, OfEveryMagnitude) {
    const float inf = std::numeric_limits<float>::infinity();
    std::vector<float> x = values_up_to(std::numeric_limits<float>::max());
    x.insert(x.end(), {inf, -inf, std::nanf("")});
    std::vector<float> y = x;
    cpu::activate_row(Activation::gelu, y.data(), y.size());
    double worst = 0.0;
    for (std::size_t i = 0; i + 3 < x.size(); ++i) {
        const double v = static_cast<double>(x[i]);
        const double exact = 0.5 * v * std::erfc(-v / std::numbers::sqrt2);
        const double error = std::abs(static_cast<double>(y[i]) - exact);
        worst = std::max(worst, error / (std::abs(v) + 1e-38));  // a denormal's half is rounded
    }
    EXPECT_LE(worst, 1e-7);
    EXPECT_EQ(y[y.size() - 3], inf);
    EXPECT_NEAR(y[y.size() - 2], 0.0, 1e-30);
    EXPECT_TRUE(std::isnan(y.back()));
}

}  // namespace
}  // namespace deadscope::testing

#include "core/base/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace deadscope {
namespace {

using Words = std::array<std::uint32_t, 4>;

// kat_vectors of the Random123 library, philox4x32 with 10 rounds.
TEST(Philox, KnownAnswers) {
    EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, FillsAreTheElementsOneByOneFromAnyStart) {
    const Philox stream(7, "h.0.attn.c_attn.weight");
    for (const std::uint64_t first : {0ull, 1ull, 6ull, 4294967295ull}) {
        for (const std::size_t count : {0u, 1u, 2u, 5u, 300u}) {
            std::vector<double> normal(count), uniform(count);
            stream.fill_normal(first, normal);
            stream.fill_uniform(first, uniform);
            for (std::size_t i = 0; i < count; ++i) {
                EXPECT_EQ(normal[i], stream.normal(first + i)) << first << " + " << i;
                EXPECT_EQ(uniform[i], stream.uniform(first + i)) << first << " + " << i;
            }
        }
    }
}

// Box-Muller again by libm in long double, from the words that the counter and key give.
TEST(Philox, NormalsAreBoxMuller) {
    const auto unit = [](std::uint32_t low, std::uint32_t high) {
        return static_cast<long double>((std::uint64_t{high} << 32 | low) >> 12) * 0x1p-52L;
    };
    const std::uint64_t name = 0xAF63DC4C8601EC8C;  // FNV-1a of "a"
    for (std::uint32_t pair = 0; pair < 20000; ++pair) {
        const auto w = philox4x32(
            {pair, 0, static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32)}, {7, 0});
        const long double radius = std::sqrt(-2 * std::log(1 - unit(w[0], w[1])));
        const long double angle = 2 * std::numbers::pi_v<long double> * unit(w[2], w[3]);
        const Philox stream(7, "a");
        ASSERT_NEAR(stream.normal(2 * pair), static_cast<double>(radius * std::cos(angle)), 4e-15) << pair;
        ASSERT_NEAR(stream.normal(2 * pair + 1), static_cast<double>(radius * std::sin(angle)), 4e-15)
            << pair;
    }
}

TEST(Philox, StreamsDifferByNameAndSeed) {
    const double a = Philox(1, "a").normal(0);
    EXPECT_NE(a, Philox(2, "a").normal(0));
    EXPECT_NE(a, Philox(1, "b").normal(0));
    EXPECT_NE(a, Philox(1, "a").normal(1));
    EXPECT_EQ(a, Philox(1, "a").normal(0));
}

TEST(Philox, NormalsHaveTheMomentsOfANormal) {
    constexpr std::size_t n = 400000;
    std::vector<double> x(n);
    Philox(3, "moments").fill_normal(0, x);
    double mean = 0, second = 0, fourth = 0, neighbours = 0;
    for (std::size_t i = 0; i < n; ++i) {
        mean += x[i];
        second += x[i] * x[i];
        fourth += std::pow(x[i], 4);
        if (i > 0) neighbours += x[i] * x[i - 1];
    }
    const double count = static_cast<double>(n), sigma = 1.0 / std::sqrt(count);  // five standard errors each
    EXPECT_NEAR(mean / count, 0.0, 5 * sigma);
    EXPECT_NEAR(second / count, 1.0, 5 * std::sqrt(2.0) * sigma);
    EXPECT_NEAR(fourth / count, 3.0, 5 * std::sqrt(96.0) * sigma);
    EXPECT_NEAR(neighbours / count, 0.0, 5 * sigma);
}

TEST(Philox, BelowStaysBelowAndReachesEverything) {
    const Philox stream(5, "ids");
    std::vector<int> seen(7);
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const std::uint64_t value = stream.below(i, 7);
        ASSERT_LT(value, 7u);
        ++seen[value];
    }
    for (const int count : seen) EXPECT_NEAR(count, 2000.0 / 7, 100);
    EXPECT_EQ(stream.below(0, 1), 0u);
}

}  // namespace
}  // namespace deadscope

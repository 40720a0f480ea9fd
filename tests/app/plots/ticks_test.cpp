// Ticks: powers of ten, at most seven, inside the range; ranges that ignore what has no place on the axis.
#include "app/plots/ticks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace deadscope {
namespace {

using testing::ElementsAre;

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
    std::vector<std::string> texts;
    for (const Tick& tick : ticks) texts.push_back(tick.label);
    return texts;
}

TEST(Ticks, PowersOfTenAreWrittenWithSuperscripts) {
    EXPECT_EQ(power_of_ten(-15), "10⁻¹⁵");
    EXPECT_EQ(power_of_ten(0), "1");
    EXPECT_EQ(power_of_ten(1), "10");
    EXPECT_EQ(power_of_ten(2), "10²");
}

TEST(Ticks, AreAtMostSevenAndInsideTheRangeOverManyDecades) {
    for (int low = -80; low < 0; low += 7) {
        for (int span = 3; span < 90; span += 3) {
            const Range range{std::pow(10.0, low) * 1.7, std::pow(10.0, low + span) * 3.1};
            const auto ticks = log_ticks(range);
            ASSERT_GE(ticks.size(), 2u) << low << " " << span;
            ASSERT_LE(ticks.size(), 7u) << low << " " << span;
            for (std::size_t i = 0; i < ticks.size(); ++i) {
                EXPECT_GE(ticks[i].value, range.low);
                EXPECT_LE(ticks[i].value, range.high);
                const double exponent = std::log10(ticks[i].value);
                EXPECT_NEAR(exponent, std::round(exponent), 1e-9);
                if (i > 0) {
                    EXPECT_GT(ticks[i].value, ticks[i - 1].value);
                }
            }
        }
    }
}

TEST(Ticks, OfAShortLogRangeHaveStepsBetweenTheDecades) {
    EXPECT_THAT(labels(log_ticks({0.08, 8.0})), ElementsAre("0.1", "0.2", "0.5", "1", "2", "5"));
    EXPECT_THAT(labels(log_ticks({0.1, 20.0})), ElementsAre("10⁻¹", "1", "10"));
}

TEST(Ticks, OfOneDecadeAreEven) {
    EXPECT_THAT(labels(log_ticks({0.4, 1.6})), ElementsAre("0.4", "0.6", "0.8", "1.0", "1.2", "1.4", "1.6"));
}

TEST(Ticks, LinearOnesHaveNoNegativeZero) {
    EXPECT_THAT(labels(linear_ticks({-1.0, 1.0}, 5)), ElementsAre("-1.0", "-0.5", "0.0", "0.5", "1.0"));
}

TEST(Ticks, OfCountsAreWholeNumbers) {
    EXPECT_THAT(labels(count_ticks({-0.6, 4.6})), ElementsAre("0", "1", "2", "3", "4"));
    EXPECT_LE(count_ticks({0.0, 4096.0}).size(), 7u);
}

TEST(Ticks, OfAnEmptyOrWrongRangeAreNone) {
    EXPECT_TRUE(log_ticks({0.0, 1.0}).empty());
    EXPECT_TRUE(log_ticks({2.0, 1.0}).empty());
    EXPECT_TRUE(linear_ticks({1.0, 1.0}).empty());
}

TEST(Ranges, TakeOnlyWhatTheAxisCanShow) {
    constexpr double inf = std::numeric_limits<double>::infinity(),
                     nan = std::numeric_limits<double>::quiet_NaN();
    const std::array values{0.0, -3.0, 1e-30, 2.0, inf, nan};
    EXPECT_EQ(log_range(values), (Range{1e-30, 2.0}));
    EXPECT_EQ(linear_range(values), (Range{-3.0, 2.0}));
    EXPECT_EQ(log_range(std::array{0.0, nan}), (Range{0.1, 10.0}));
    const Range one = linear_range(std::array{5.0});
    EXPECT_LT(one.low, 5.0);
    EXPECT_GT(one.high, 5.0);
}

TEST(Ticks, EndWhereDoublesEnd) {
    EXPECT_LE(linear_ticks({1.0, 1.0 + 0x1p-52}, 7).size(), 64u);
    EXPECT_LE(linear_ticks({1e15, 1e15 + 0.125}, 7).size(), 64u);
}

TEST(Ticks, OneAloneIsNoScale) {
    // A narrow plot of a wide spectrum: the first step tried, 10000, would leave 0 alone.
    const std::vector<Tick> counts = count_ticks({-160.0, 8600.0}, 2);
    ASSERT_EQ(counts.size(), 2u);
    EXPECT_EQ(counts[0].label, "0");
    EXPECT_EQ(counts[1].label, "5000");
    EXPECT_GE(linear_ticks({0.011, 0.099}, 2).size(), 2u);
    EXPECT_EQ(count_ticks({3.2, 4.1}, 2).size(), 1u);  // of whole numbers there is one
}

}  // namespace
}  // namespace deadscope

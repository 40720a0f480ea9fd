// The histogram loses no value: each is in a bin, or counted as zero, outside or not finite.
#include "app/plots/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <array>
#include <limits>
#include <numeric>

namespace deadscope {
namespace {

TEST(LogHistogram, CountsEveryValueOnce) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::array values{0.1, 0.11, 1.0, -1.0, 10.0, 0.0, -0.0, 1e-33, 1e5, nan};
    const LogHistogram h = log_histogram(values, {0.1, 10.0}, 4);
    ASSERT_EQ(h.counts.size(), 4u);
    ASSERT_EQ(h.edges.size(), 5u);
    EXPECT_NEAR(h.edges[2], 1.0, 1e-12);
    EXPECT_EQ(h.counts[0], 2u);  // 0.1 on the lower edge, 0.11
    EXPECT_EQ(h.counts[2], 2u);  // 1 and -1 belong to the bin above the edge
    EXPECT_EQ(h.counts[3], 1u);  // 10 on the upper edge
    EXPECT_EQ(h.zeros, 2u);
    EXPECT_EQ(h.negatives, 1u);
    EXPECT_EQ(h.outside, 2u);
    EXPECT_EQ(h.not_finite, 1u);
    const std::size_t binned = std::accumulate(h.counts.begin(), h.counts.end(), std::size_t{0});
    EXPECT_EQ(binned + h.zeros + h.outside + h.not_finite, values.size());
}

TEST(Outliers, AreFarFromTheMedianEitherWay) {
    const std::array values{1.0, 1.1, 0.9, 1.0, -12.0, 0.05, 0.0, 9.0};
    EXPECT_DOUBLE_EQ(median_magnitude(values), 1.0);
    EXPECT_EQ(outliers(values), (std::vector<std::size_t>{4, 5}));
    EXPECT_TRUE(outliers(std::array{0.0, 0.0}).empty());
}

TEST(Quantiles, AreThoseOfSorting) {
    std::vector<double> values;
    for (int i = 0; i < 5000; ++i)
        values.push_back(std::exp(std::sin(i * 1.7) * 20.0) + (i % 7 == 0 ? 1.0 : 0.0));
    values.push_back(5e-324);
    values.push_back(1e300);
    std::vector<double> sorted = values;
    std::ranges::sort(sorted);
    const std::vector<double> shares{0.0, 0.005, 0.3, 0.5, 0.995, 1.0};
    const std::vector<double> found = quantiles(values, shares);
    ASSERT_EQ(found.size(), shares.size());
    for (std::size_t i = 0; i < shares.size(); ++i)
        EXPECT_EQ(found[i],
                  sorted[static_cast<std::size_t>(shares[i] * static_cast<double>(sorted.size() - 1))]);
    EXPECT_EQ(quantiles(std::vector<double>{2.5}, shares), std::vector<double>(shares.size(), 2.5));
    EXPECT_TRUE(quantiles({}, shares).empty());
}

}  // namespace
}  // namespace deadscope

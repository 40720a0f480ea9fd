// The radix order is the stable sort's, whatever the values.
#include "app/plots/order.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace deadscope {
namespace {

using ::testing::ElementsAre;

std::vector<std::uint32_t> by_comparison(const std::vector<double>& values) {
    std::vector<std::uint32_t> order = plain_order(values.size());
    std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
        return std::isnan(values[a]) ? !std::isnan(values[b]) : values[a] > values[b];
    });
    return order;
}

TEST(Order, IsThatOfAStableSort) {
    std::mt19937_64 random(1);
    std::normal_distribution<double> normal;
    for (const std::size_t size : {0u, 1u, 2u, 3u, 1000u, 8192u}) {
        std::vector<double> values(size);
        for (double& value : values) value = normal(random) * std::pow(10.0, 30.0 * normal(random));
        EXPECT_EQ(descending_order(values), by_comparison(values)) << size;
        for (double& value : values) value = static_cast<float>(std::round(normal(random) * 8.0) / 8.0);
        EXPECT_EQ(descending_order(values), by_comparison(values)) << size << " with ties";
    }
}

TEST(Order, PutsWhatIsNoNumberFirst) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double nan = std::nan("");
    const std::vector<double> values{0.0, -1.0, nan, infinity, -0.0, -infinity, -nan, 5e-324, 2.0};
    EXPECT_THAT(descending_order(values), ElementsAre(2, 6, 3, 8, 7, 0, 4, 1, 5));
    EXPECT_EQ(descending_order(values), by_comparison(values));
}

TEST(Order, ArrangesValues) {
    EXPECT_THAT(in_order(std::vector<double>{1.0, 3.0, 2.0}, std::vector<std::uint32_t>{1, 2, 0}),
                ElementsAre(3.0, 2.0, 1.0));
    EXPECT_THAT(plain_order(3), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace deadscope

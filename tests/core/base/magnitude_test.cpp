// The largest magnitude, wherever it lies among the lanes, and what is not finite.
#include "core/base/magnitude.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace deadscope {
namespace {

template <typename T>
class Magnitude : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Magnitude, Types);

TYPED_TEST(Magnitude, IsFoundWhereverItLies) {
    for (const std::size_t n : {1, 3, 16, 67})
        for (std::size_t at = 0; at < n; ++at) {
            std::vector<TypeParam> values(n, TypeParam{-0.5});
            values[at] = TypeParam{-7};
            EXPECT_EQ(largest_magnitude(std::span<const TypeParam>(values)), TypeParam{7});
        }
    EXPECT_EQ(largest_magnitude(std::span<const TypeParam>()), TypeParam{0});
}

TYPED_TEST(Magnitude, WhatIsNotFiniteIsNotLost) {
    using Limits = std::numeric_limits<TypeParam>;
    for (std::size_t at = 0; at < 41; ++at) {
        std::vector<TypeParam> values(41, Limits::max());
        EXPECT_EQ(largest_magnitude(std::span<const TypeParam>(values)), Limits::max());
        values[at] = -Limits::infinity();
        EXPECT_EQ(largest_magnitude(std::span<const TypeParam>(values)), Limits::infinity());
        values[(at + 5) % 41] = -Limits::quiet_NaN();
        EXPECT_TRUE(std::isnan(largest_magnitude(std::span<const TypeParam>(values))));
    }
}

TYPED_TEST(Magnitude, OfSubnormals) {
    const std::vector<TypeParam> values(9, -std::numeric_limits<TypeParam>::denorm_min());
    EXPECT_EQ(largest_magnitude(std::span<const TypeParam>(values)),
              std::numeric_limits<TypeParam>::denorm_min());
}

}  // namespace
}  // namespace deadscope

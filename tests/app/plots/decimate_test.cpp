// Decimation keeps the outline: no spike is lost, no point invented, and few points are left.
#include "app/plots/decimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace deadscope {
namespace {

bool same(ImVec2 a, ImVec2 b) {
    return a.x == b.x && a.y == b.y;
}

TEST(Decimate, KeepsEveryColumnsLowestAndHighestPoint) {
    std::vector<ImVec2> points;
    for (int i = 0; i < 20000; ++i) {
        const auto x = static_cast<float>(i) * 0.02f;  // 50 points a pixel, 400 columns
        points.push_back({x, std::sin(static_cast<float>(i) * 0.7f) * 100.0f + (i == 7777 ? 5000.0f : 0.0f)});
    }
    const std::vector<ImVec2> kept = decimate(points);
    EXPECT_LE(kept.size(), 4u * 401u);
    EXPECT_TRUE(same(kept.front(), points.front()));
    EXPECT_TRUE(same(kept.back(), points.back()));
    EXPECT_TRUE(std::ranges::any_of(kept, [&](ImVec2 p) { return same(p, points[7777]); }));
    for (std::size_t column = 0; column < 400; ++column) {
        const auto in_column = [&](ImVec2 p) { return static_cast<std::size_t>(p.x) == column; };
        float low = 1e9f, high = -1e9f, kept_low = 1e9f, kept_high = -1e9f;
        for (const ImVec2 p : points) {
            if (in_column(p)) low = std::min(low, p.y), high = std::max(high, p.y);
        }
        for (const ImVec2 p : kept) {
            if (in_column(p)) kept_low = std::min(kept_low, p.y), kept_high = std::max(kept_high, p.y);
        }
        ASSERT_EQ(low, kept_low) << column;
        ASSERT_EQ(high, kept_high) << column;
    }
    for (std::size_t i = 1; i < kept.size(); ++i) ASSERT_GE(kept[i].x, kept[i - 1].x);
}

TEST(Decimate, LeavesSparsePointsAsTheyAre) {
    const std::vector<ImVec2> points{{0, 1}, {10, 5}, {20, 2}};
    const std::vector<ImVec2> kept = decimate(points);
    ASSERT_EQ(kept.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(same(kept[i], points[i]));
    EXPECT_TRUE(decimate({}).empty());
}

}  // namespace
}  // namespace deadscope

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

// Values at whole numbers give the same picture as their points, without turning all of them into pixels.
TEST(Decimate, OfValuesKeepsWhatThatOfPointsKeeps) {
    std::vector<double> values(8192);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = std::sin(static_cast<double>(i) * 0.9) + (i == 5000 ? 40.0 : 0.0);
    for (const bool log : {false, true}) {
        const AxisMap x({1.0, 8192.0}, 50.0f, 450.0f, log);
        std::vector<ImVec2> points;
        for (std::size_t i = 0; i < values.size(); ++i)
            points.push_back({x(static_cast<double>(i + 1)), static_cast<float>(values[i])});
        const std::vector<std::size_t> kept = decimate(values, 1.0, x, {50.0, 450.0});
        EXPECT_LE(kept.size(), 4u * 402u);
        EXPECT_TRUE(std::ranges::is_sorted(kept));
        EXPECT_NE(std::ranges::find(kept, std::size_t{5000}), kept.end()) << "log " << log;
        EXPECT_EQ(kept.front(), 0u);
        EXPECT_EQ(kept.back(), values.size() - 1);
        for (const ImVec2 p : decimate(points)) {
            // Of the same column one as low and one as high.
            const auto beside = [&](std::size_t i) { return std::abs(points[i].x - p.x) <= 1.01f; };
            EXPECT_TRUE(
                std::ranges::any_of(kept, [&](std::size_t i) { return beside(i) && points[i].y >= p.y; }));
            EXPECT_TRUE(
                std::ranges::any_of(kept, [&](std::size_t i) { return beside(i) && points[i].y <= p.y; }));
        }
    }
}

TEST(Decimate, OfValuesKeepsThePartInViewAndItsNeighbours) {
    const std::vector<double> values(1000, 1.0);
    const AxisMap x({100.0, 110.0}, 0.0f, 200.0f, false);
    const std::vector<std::size_t> kept = decimate(values, 0.0, x, {0.0, 200.0});
    ASSERT_FALSE(kept.empty());
    EXPECT_EQ(kept.front(), 99u);
    EXPECT_EQ(kept.back(), 110u);
    EXPECT_EQ(kept.size(), 12u);
    EXPECT_TRUE(decimate(std::vector<double>{}, 0.0, x, {0.0, 200.0}).empty());
}

TEST(Decimate, OfValuesFindsALowestBesideWhatIsNoNumber) {
    std::vector<double> values(100, 5.0);
    values[0] = std::nan("");
    values[50] = -3.0;
    const AxisMap x({0.0, 1000.0}, 0.0f, 10.0f, false);  // all in one column
    const std::vector<std::size_t> kept = decimate(values, 0.0, x, {0.0, 10.0});
    EXPECT_NE(std::ranges::find(kept, std::size_t{50}), kept.end());
}

TEST(AxisMap, MapsAndComesBack) {
    for (const bool log : {false, true}) {
        const AxisMap map({0.01, 100.0}, 300.0f, 20.0f, log);
        EXPECT_NEAR(map(0.01), 300.0f, 1e-3);
        EXPECT_NEAR(map(100.0), 20.0f, 1e-3);
        EXPECT_NEAR(map.inverse(map(3.0)), 3.0, 1e-3);  // a pixel is a float: 6 digits
    }
    const AxisMap log({0.01, 100.0}, 300.0f, 20.0f, true);
    EXPECT_NEAR(log(1.0), 160.0f, 1e-3);
    EXPECT_TRUE(std::isfinite(log(0.0)) && log(0.0) > 1000.0f);
    EXPECT_TRUE(std::isnan(log(std::nan(""))));
}

TEST(Thin, KeepsOnePointACell) {
    std::vector<ImVec2> points;
    for (int i = 0; i < 10000; ++i)
        points.push_back({static_cast<float>(i % 100) * 0.1f, static_cast<float>(i / 100) * 0.1f});
    points.push_back({500.0f, 5.0f});  // outside
    const std::vector<ImVec2> kept = thin(points, {0, 0}, {20, 20}, 2.0f);
    EXPECT_EQ(kept.size(), 25u);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_FALSE(std::floor(kept[i].x / 2) == std::floor(kept[j].x / 2) &&
                         std::floor(kept[i].y / 2) == std::floor(kept[j].y / 2));
        }
    }
}

TEST(ClipSegment, KeepsThePartInside) {
    float from = 0, to = 0;
    EXPECT_TRUE(clip_segment({2, 2}, {3, 3}, {0, 0}, {10, 10}, from, to));
    EXPECT_EQ(from, 0.0f);
    EXPECT_EQ(to, 1.0f);
    EXPECT_TRUE(clip_segment({-10, 5}, {30, 5}, {0, 0}, {10, 10}, from, to));
    EXPECT_FLOAT_EQ(from, 0.25f);
    EXPECT_FLOAT_EQ(to, 0.5f);
    EXPECT_FALSE(clip_segment({-10, 5}, {-1, 5}, {0, 0}, {10, 10}, from, to));
    EXPECT_FALSE(clip_segment({-5, 4}, {4, -50}, {0, 0}, {10, 10}, from, to));
    EXPECT_FALSE(clip_segment({5, 20}, {6, 20}, {0, 0}, {10, 10}, from, to));
}

}  // namespace
}  // namespace deadscope

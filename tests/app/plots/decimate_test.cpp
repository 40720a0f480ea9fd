// Decimation keeps the outline: no spike is lost, no point invented, and few points are left.
#include "app/plots/decimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace deadscope {
namespace {

// Which heights a line passes in each column of pixels, ink from the column's left border to its right one.
std::vector<Range> ink(const std::vector<ImVec2>& points, std::size_t columns) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<Range> passed(columns, {infinity, -infinity});
    for (std::size_t i = 1; i < points.size(); ++i) {
        const ImVec2 a = points[i - 1], b = points[i];
        for (std::size_t c = 0; c < columns; ++c) {
            const auto left = static_cast<float>(c), right = left + 1.0f;
            if (b.x < left || a.x > right) continue;
            const auto y_at = [&](float x) {
                const float share = b.x > a.x ? (std::clamp(x, a.x, b.x) - a.x) / (b.x - a.x) : 0.0f;
                return static_cast<double>(a.y + (b.y - a.y) * share);
            };
            const double from = y_at(left), to = b.x > a.x ? y_at(right) : static_cast<double>(b.y);
            passed[c].low = std::min({passed[c].low, from, to});
            passed[c].high = std::max({passed[c].high, from, to});
        }
    }
    return passed;
}

std::vector<ImVec2> points_of(const std::vector<double>& values, const std::vector<std::size_t>& places,
                              const AxisMap& x) {
    std::vector<ImVec2> points;
    for (const std::size_t i : places)
        points.push_back({x(static_cast<double>(i)), static_cast<float>(values[i])});
    return points;
}

std::vector<std::size_t> all_places(std::size_t count) {
    std::vector<std::size_t> places(count);
    std::iota(places.begin(), places.end(), std::size_t{0});
    return places;
}

// Noise, a wave, steps, a slope with spikes.
std::vector<std::vector<double>> lines_of_all_kinds(std::size_t count) {
    std::mt19937 generator(7);
    std::normal_distribution<double> normal;
    std::vector<std::vector<double>> lines(4, std::vector<double>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<double>(i);
        lines[0][i] = normal(generator);
        lines[1][i] = 50.0 * std::sin(at * 0.003);
        lines[2][i] = 30.0 * static_cast<double>(i / 700 % 3);
        lines[3][i] = at * 0.01 + (i % 997 == 500 ? 200.0 : 0.0);
    }
    return lines;
}

TEST(Decimate, LeavesInkWhereItWas) {
    constexpr std::size_t count = 4000, columns = 300;
    const AxisMap x({0.0, static_cast<double>(count)}, 0.0f, static_cast<float>(columns), false);
    for (const std::vector<double>& values : lines_of_all_kinds(count)) {
        const std::vector<std::size_t> kept = decimate(values, 0.0, x, {0.0, static_cast<double>(columns)});
        EXPECT_TRUE(std::ranges::is_sorted(kept));
        EXPECT_EQ(std::ranges::adjacent_find(kept), kept.end());
        const auto whole = ink(points_of(values, all_places(count), x), columns),
                   less = ink(points_of(values, kept, x), columns);
        // No height is lost and none is invented, but for those of the columns beside it.
        for (std::size_t c = 1; c + 1 < columns; ++c) {
            const double low = std::min({whole[c - 1].low, whole[c].low, whole[c + 1].low}),
                         high = std::max({whole[c - 1].high, whole[c].high, whole[c + 1].high});
            constexpr double rounding = 1e-3;  // of floats that cross a column's border
            ASSERT_GE(less[c].low, low - rounding) << c;
            ASSERT_LE(less[c].high, high + rounding) << c;
            ASSERT_LE(std::min({less[c - 1].low, less[c].low, less[c + 1].low}), whole[c].low + rounding)
                << c;
            ASSERT_GE(std::max({less[c - 1].high, less[c].high, less[c + 1].high}), whole[c].high - rounding)
                << c;
        }
    }
}

TEST(Decimate, KeepsEveryColumnsLowestAndHighestAndLittleMore) {
    constexpr std::size_t count = 8192, columns = 400;
    const std::vector<double> noise = lines_of_all_kinds(count).front();
    for (const bool log : {false, true}) {
        const AxisMap x({1.0, static_cast<double>(count)}, 50.0f, 450.0f, log);
        const std::vector<std::size_t> kept = decimate(noise, 1.0, x, {50.0, 450.0});
        EXPECT_LE(kept.size(), 2u * columns + 4u);
        EXPECT_TRUE(std::ranges::is_sorted(kept));
        std::map<int, std::pair<std::size_t, std::size_t>> extremes;  // by column: where they are
        for (std::size_t i = 0; i < count; ++i) {
            const double pixel = std::clamp(static_cast<double>(x(static_cast<double>(i + 1))), 50.0, 449.9);
            const double inside = pixel - std::floor(pixel);
            if (inside < 1e-3 || inside > 1.0 - 1e-3) continue;  // a float may put it on the other side
            const auto [at, first] = extremes.try_emplace(static_cast<int>(pixel), i, i);
            if (noise[i] < noise[at->second.first]) at->second.first = i;
            if (noise[i] > noise[at->second.second]) at->second.second = i;
        }
        EXPECT_GT(extremes.size(), log ? 150u : 398u);
        for (const auto& [column, places] : extremes) {
            const auto beyond = [&](std::size_t place, auto passes) {
                return std::ranges::any_of(kept, [&](std::size_t i) {
                    return std::abs(x(static_cast<double>(i + 1)) - x(static_cast<double>(place + 1))) <=
                               1.0f &&
                           passes(noise[i], noise[place]);
                });
            };
            EXPECT_TRUE(beyond(places.first, std::less_equal<>{})) << column;
            EXPECT_TRUE(beyond(places.second, std::greater_equal<>{})) << column;
        }
    }
}

TEST(Decimate, LeavesSparseValuesAsTheyAre) {
    const std::vector<double> values{1.0, 5.0, 2.0};
    const AxisMap x({0.0, 2.0}, 0.0f, 20.0f, false);
    EXPECT_EQ(decimate(values, 0.0, x, {0.0, 20.1}), all_places(3));
}

// A step from one column to the next: the way up is between the last low value and the first high one.
TEST(Decimate, KeepsTheEndsOfAStep) {
    std::vector<double> values(1000, 0.0);
    std::fill(values.begin() + 525, values.end(), 90.0);
    const AxisMap x({0.0, 1000.0}, 0.0f, 40.0f, false);
    const std::vector<std::size_t> kept = decimate(values, 0.0, x, {0.0, 40.0});
    EXPECT_NE(std::ranges::find(kept, std::size_t{524}), kept.end());
    EXPECT_NE(std::ranges::find(kept, std::size_t{525}), kept.end());
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

// Labels keep clear of lines and of each other while there is room, and stay inside the plot.
#include "app/plots/labels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace deadscope {
namespace {

bool overlap(ImVec2 a, ImVec2 b, ImVec2 size) {
    return a.x < b.x + size.x && b.x < a.x + size.x && a.y < b.y + size.y && b.y < a.y + size.y;
}

TEST(LabelPlacer, KeepsLabelsApartAndOffTheLine) {
    LabelPlacer placer({0, 0}, {400, 300});
    const std::array<ImVec2, 2> line{ImVec2{0, 150}, ImVec2{400, 150}};
    placer.occupy(line);
    const ImVec2 size{80, 14};
    const std::array anchors{ImVec2{200, 150}, ImVec2{100, 150}};
    std::vector<ImVec2> placed;
    for (int i = 0; i < 6; ++i) {
        const ImVec2 at = placer.place(size, anchors);
        EXPECT_TRUE(at.y > 150 || at.y + size.y < 150) << "label " << i << " lies on the line at " << at.y;
        for (const ImVec2 other : placed) EXPECT_FALSE(overlap(at, other, size)) << i;
        placed.push_back(at);
    }
}

TEST(LabelPlacer, StaysInsideAtACorner) {
    LabelPlacer placer({10, 10}, {210, 110});
    const ImVec2 at = placer.place({60, 14}, std::array{ImVec2{209, 109}});
    EXPECT_GE(at.x, 10);
    EXPECT_GE(at.y, 10);
    EXPECT_LE(at.x + 60, 210);
    EXPECT_LE(at.y + 14, 110);
}

TEST(LabelPlacer, LeavesOutASpareLabelRatherThanCoverAnother) {
    LabelPlacer placer({0, 0}, {120, 60});
    const ImVec2 size{80, 14};
    const std::array anchors{ImVec2{60, 30}};
    std::vector<ImVec2> placed;
    while (const std::optional<ImVec2> at = placer.place_clear(size, anchors)) {
        for (const ImVec2 other : placed) EXPECT_FALSE(overlap(*at, other, size));
        placed.push_back(*at);
        ASSERT_LT(placed.size(), 10u);
    }
    EXPECT_GE(placed.size(), 2u);
    placer.place(size, anchors);  // one that must be there finds a place all the same
}

// A plot zoomed far in has lines whose ends lie far outside: what passes through is marked as finely.
TEST(LabelPlacer, MarksTheInsideOfALongLine) {
    LabelPlacer placer({0, 0}, {400, 300});
    placer.occupy(std::array{ImVec2{-1e7f, 150}, ImVec2{1e7f, 150}});
    const ImVec2 at = placer.place({80, 14}, std::array{ImVec2{200, 150}});
    EXPECT_TRUE(at.y > 150 || at.y + 14 < 150);
}

// A line that leaves through the top and comes back from below in the same column: nothing in between is
// taken.
TEST(LabelPlacer, LeavesTheWayOutsideFree) {
    LabelPlacer placer({0, 0}, {400, 300}, 40.0f);
    placer.occupy(std::array{ImVec2{205, 20}, ImVec2{206, -50}, ImVec2{290, -50}, ImVec2{290, 500},
                             ImVec2{210, 500}, ImVec2{211, 280}});
    const ImVec2 size{20, 14}, at = placer.place(size, std::array{ImVec2{220, 150}});
    EXPECT_LT(std::hypot(at.x + size.x * 0.5f - 220.0f, at.y + size.y * 0.5f - 150.0f), 80.0f);
}

// Two segments of a zigzag steeper than the grid: every row between their ends is taken.
TEST(LabelPlacer, MarksAllOfASteepZigzag) {
    LabelPlacer placer({0, 0}, {400, 300});
    std::vector<ImVec2> zigzag;
    for (int i = 0; i < 400; ++i) zigzag.push_back({static_cast<float>(i), i % 2 ? 40.0f : 260.0f});
    placer.occupy(zigzag);
    const ImVec2 size{60, 14};
    const ImVec2 at = placer.place(size, std::array{ImVec2{200, 60}});
    EXPECT_LE(at.y + size.y, 42.0f);  // in the margin above
}

}  // namespace
}  // namespace deadscope

// A stroke covers its whole line at full width, spikes to their tips, and nothing far from it.
#include "app/plots/stroke.h"

#include <gtest/gtest.h>
#include <imgui_internal.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace deadscope {
namespace {

// A draw list without a window: without ImGui's texture of soft edges, so that its triangles are the line.
class Stroke : public ::testing::Test {
protected:
    Stroke() {
        list_._ResetForNewFrame();
        list_._SetPixelDensity(1.0f);
    }

    bool covered(ImVec2 at) const {
        for (int i = 0; i + 2 < list_.IdxBuffer.Size; i += 3) {
            std::array<ImVec2, 3> corner;
            for (int k = 0; k < 3; ++k)
                corner.at(static_cast<std::size_t>(k)) =
                    list_.VtxBuffer[static_cast<int>(list_.IdxBuffer[i + k])].pos;
            if (ImTriangleContainsPoint(corner[0], corner[1], corner[2], at) ||
                ImTriangleContainsPoint(corner[0], corner[2], corner[1], at))
                return true;
        }
        return false;
    }

    ImDrawListSharedData shared_;
    ImDrawList list_{&shared_};
};

float distance(ImVec2 at, const std::vector<ImVec2>& line) {
    float least = 1e9f;
    for (std::size_t i = 1; i < line.size(); ++i) {
        const ImVec2 nearest = ImLineClosestPoint(line[i - 1], line[i], at);
        least = std::min(least, std::hypot(at.x - nearest.x, at.y - nearest.y));
    }
    return least;
}

constexpr float width = 4.0f;

TEST_F(Stroke, ReachesTheTipOfASpikeAtFullWidth) {
    const std::vector<ImVec2> spike{{0, 100}, {50, 100}, {50.02f, 0}, {50.04f, 100}, {100, 100}};
    stroke(list_, spike, IM_COL32_WHITE, width);
    for (float y = 0.1f; y < 100.0f; y += 1.0f) {
        EXPECT_TRUE(covered({50.02f - width * 0.45f, y})) << y;
        EXPECT_TRUE(covered({50.02f + width * 0.45f, y})) << y;
    }
    EXPECT_FALSE(covered({50.0f, -width}));
}

TEST_F(Stroke, CoversWhatLiesBesideTheLineAndNothingElse) {
    std::mt19937 generator(3);
    std::uniform_real_distribution<float> turn(-2.6f, 2.6f), length(6.0f, 30.0f);
    std::vector<ImVec2> line{{0, 0}};
    float heading = 0.0f;
    for (int i = 0; i < 40; ++i) {  // turns of up to 150 degrees
        const float way = length(generator);
        heading += turn(generator);
        line.push_back({line.back().x + way * std::cos(heading), line.back().y + way * std::sin(heading)});
    }
    stroke(list_, line, IM_COL32_WHITE, width);
    // Up to twice the half width from the line: a corner that both edges meet in reaches further than they.
    constexpr float beside = width * 0.5f * 0.98f, corner = width * 0.5f * 2.0f;
    int inside = 0, outside = 0;
    for (std::size_t i = 1; i < line.size(); ++i) {
        const ImVec2 a = line[i - 1], b = line[i];
        const float way = std::hypot(b.x - a.x, b.y - a.y);
        const ImVec2 across{-(b.y - a.y) / way, (b.x - a.x) / way};
        for (const float share : {0.02f, 0.3f, 0.5f, 0.7f, 0.98f}) {
            for (const float side : {-beside, 0.0f, beside, -2.5f * corner, 2.5f * corner}) {
                const ImVec2 at{a.x + (b.x - a.x) * share + across.x * side,
                                a.y + (b.y - a.y) * share + across.y * side};
                if (std::abs(side) <= beside && share > 0.25f && share < 0.75f) {
                    EXPECT_TRUE(covered(at)) << i << " " << share << " " << side;
                    ++inside;
                } else if (distance(at, line) > corner) {
                    EXPECT_FALSE(covered(at)) << i << " " << share << " " << side;
                    ++outside;
                }
            }
        }
    }
    EXPECT_GT(inside, 300);
    EXPECT_GT(outside, 100);
}

TEST_F(Stroke, TakesAPlaceTwiceAndNothingAtAll) {
    stroke(list_, {}, IM_COL32_WHITE, width);
    stroke(list_, std::array{ImVec2{5, 5}}, IM_COL32_WHITE, width);
    stroke(list_, std::array{ImVec2{5, 5}, ImVec2{5, 5}}, IM_COL32_WHITE, width);
    stroke(list_, std::array{ImVec2{0, 0}, ImVec2{9, 0}}, IM_COL32_BLACK_TRANS, width);
    EXPECT_EQ(list_.IdxBuffer.Size, 0);
    EXPECT_EQ(list_.VtxBuffer.Size, 0);
    stroke(list_, std::array{ImVec2{0, 0}, ImVec2{0, 0}, ImVec2{10, 0}, ImVec2{10, 0}, ImVec2{20, 0}},
           IM_COL32_WHITE, width);
    for (float x = 0.5f; x < 20.0f; x += 1.0f) EXPECT_TRUE(covered({x, 0.0f})) << x;
    for (const ImDrawVert& vertex : list_.VtxBuffer)
        EXPECT_TRUE(std::isfinite(vertex.pos.x) && std::isfinite(vertex.pos.y));
}

TEST_F(Stroke, DrawsALineThinnerThanAPixelPaler) {
    stroke(list_, std::array{ImVec2{0, 0}, ImVec2{10, 0}}, IM_COL32(255, 255, 255, 200), 0.5f);
    ASSERT_FALSE(list_.VtxBuffer.empty());
    EXPECT_EQ(list_.VtxBuffer[0].col, IM_COL32(255, 255, 255, 100));
    EXPECT_TRUE(covered({5, 0.45f}));
    EXPECT_FALSE(covered({5, 0.55f}));
}

}  // namespace
}  // namespace deadscope

// Against torch.nn.functional.interpolate(mode="bicubic", align_corners=False) in float64.
#include "core/forward/position_grid.h"

#include <gtest/gtest.h>

namespace deadscope {
namespace {

const std::vector<double> grid{1, -2, 4, 0.5, 3, -1, 2, 0, -3};  // [3 · 3, 1]

TEST(PositionGrid, IsWhatTorchInterpolates) {
    const std::vector<double> expected{
        0.9871718749999999, -0.051492187500001466, -0.76171875, 1.3873124999999982,  3.292625000000001,
        1.7181406249999993, 1.594804687500001,     0.85546875,  -1.3910156249999974, -3.066156250000001};
    const std::vector<double> found = resized_grid(grid, 3, 1, 2, 5, false);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13) << i;
}

// The same with antialias=True: rows grow fewer, so the kernel is wider along them, and columns more.
TEST(PositionGrid, AntialiasedIsWhatTorchInterpolates) {
    const std::vector<double> expected{
        0.8323843847481756, 0.34079801633885143, -0.130016051364366, 1.427517309120529,  2.516369363093976,
        1.4705018322783852, 1.5512385903548078,  1.250401284109149,  -1.194245466088499, -2.783912292922256};
    const std::vector<double> found = resized_grid(grid, 3, 1, 2, 5, true);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13) << i;
}

TEST(PositionGrid, OfItsOwnSizeStays) {
    for (const bool antialias : {false, true}) {
        const std::vector<double> found = resized_grid(grid, 3, 1, 3, 3, antialias);
        for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], grid[i], 1e-15) << i;
    }
}

TEST(PositionGrid, ChannelsAreSeparate) {
    std::vector<double> two;
    for (const double value : grid) two.insert(two.end(), {value, 10 * value});
    const std::vector<double> one = resized_grid(grid, 3, 1, 4, 2, false),
                              both = resized_grid(two, 3, 2, 4, 2, false);
    ASSERT_EQ(both.size(), 2 * one.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_DOUBLE_EQ(both[2 * i], one[i]);
        EXPECT_NEAR(both[2 * i + 1], 10 * one[i], 1e-14);
    }
}

}  // namespace
}  // namespace deadscope

// What the heatmap of γ marks, in either order of channels.
#include "app/panels/gamma_cells.h"

#include <gmock/gmock.h>

#include <cmath>

#include "app/scene/heatmap.h"

namespace deadscope {
namespace {

using ::testing::ElementsAre;

Gamma gamma_of(std::vector<std::vector<double>> rows) {
    auto gamma = std::make_shared<GammaReading>();
    for (std::vector<double>& row : rows) {
        NormReading norm;
        norm.parameters.gamma = std::move(row);
        gamma->norms.push_back(std::move(norm));
    }
    return gamma;
}

TEST(GammaCells, CountsAndMarksWhatMatters) {
    const Gamma gamma = gamma_of({{1.0, 1.1, 0.0, -0.9, 1e-9, 50.0}, {2.0, 2.0, std::nan("")}});
    const std::shared_ptr<const GammaFacts> facts = gamma_facts(gamma);
    EXPECT_EQ(facts->rows, 2u);
    EXPECT_EQ(facts->columns, 6u);
    EXPECT_EQ(facts->zeros, 1u);
    EXPECT_EQ(facts->tiny, 1u);
    EXPECT_EQ(facts->negatives, 1u);
    EXPECT_EQ(facts->not_finite, 1u);
    EXPECT_EQ(facts->outliers_in_all, 1u);
    ASSERT_EQ(facts->zero_cells.size(), 2u);
    EXPECT_TRUE(facts->zero_cells[0].exact);
    EXPECT_EQ(facts->zero_cells[0].channel, 2u);
    EXPECT_EQ(facts->zero_cells[1].channel, 4u);
    EXPECT_FALSE(facts->zero_cells[1].exact);
    ASSERT_EQ(facts->outlier_cells.size(), 1u);
    EXPECT_EQ(facts->outlier_cells[0].channel, 5u);
    EXPECT_NEAR(facts->outlier_cells[0].distance, std::log10(50.0), 1e-12);
    EXPECT_EQ(gamma_facts(gamma), facts) << "made once";
}

TEST(GammaCells, TexelsFollowTheOrder) {
    const Gamma gamma = gamma_of({{1.0, 3.0, 2.0}, {5.0}});
    EXPECT_THAT(gamma_texels(gamma, false), ElementsAre(1.0f, 3.0f, 2.0f, 5.0f, absent_texel, absent_texel));
    EXPECT_THAT(gamma_texels(gamma, true), ElementsAre(3.0f, 2.0f, 1.0f, 5.0f, absent_texel, absent_texel));
    for (const bool sorted : {false, true}) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            const std::size_t column = column_of(gamma, 0, channel, sorted);
            EXPECT_EQ(channel_order(gamma, 0, sorted)->at(column), channel);
        }
    }
}

}  // namespace
}  // namespace deadscope

// The block-to-block test on readings made by hand and on streams made from rows.
#include "core/spectra/residual.h"

#include <gtest/gtest.h>

#include "core/spectra/tsqr.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

std::vector<BlockReading> ladder(const Vector& sigma, double floor = 1e-12) {
    std::vector<BlockReading> blocks(sigma.size());
    for (std::size_t i = 0; i < sigma.size(); ++i) {
        blocks[i].index = i;
        blocks[i].sigma_min = sigma[i];
        blocks[i].sigma_max = 10.0;
        blocks[i].floor = floor;
    }
    for (std::size_t i = 0; i < sigma.size(); ++i) judge_block(blocks, i, {});
    return blocks;
}

std::vector<std::size_t> flagged(const std::vector<BlockReading>& blocks) {
    std::vector<std::size_t> out;
    for (const BlockReading& block : blocks)
        if (block.flag) out.push_back(block.index);
    return out;
}

TEST(JudgeBlock, AFallBelowOneOverTauIsFlaggedAndGrowthIsNot) {
    const auto blocks = ladder({1.0, 15.0, 1.6, 0.1, 0.12});
    EXPECT_EQ(flagged(blocks), std::vector<std::size_t>{3});
    EXPECT_FALSE(blocks[0].ratio.has_value());
    EXPECT_DOUBLE_EQ(blocks[1].ratio.value(), 15.0);
    EXPECT_DOUBLE_EQ(blocks[3].ratio.value(), 0.1 / 1.6);
    EXPECT_NE(blocks[3].reason.find("16.0 times"), std::string::npos) << blocks[3].reason;
    EXPECT_TRUE(blocks[2].reason.empty());
}

TEST(JudgeBlock, TauIsTheCallers) {
    auto blocks = ladder({1.0, 0.3});
    EXPECT_FALSE(blocks[1].flag);
    judge_block(blocks, 1, {.tau = 3.0});
    EXPECT_TRUE(blocks[1].flag);
    judge_block(blocks, 1, {.tau = 4.0});
    EXPECT_FALSE(blocks[1].flag) << "judging again forgets the judgement before";
    EXPECT_TRUE(blocks[1].reason.empty());
}

TEST(JudgeBlock, WhatIsDeadStaysDeadAndIsFlaggedOnce) {
    const auto blocks = ladder({1.0, 1e-13, 3e-15, 2e-13, 0.5, 0.6});
    EXPECT_EQ(flagged(blocks), std::vector<std::size_t>{1});
    EXPECT_TRUE(blocks[1].ratio.has_value());
    for (const std::size_t i : {2, 3, 4}) {
        EXPECT_FALSE(blocks[i].ratio.has_value()) << i;
        EXPECT_NE(blocks[i].reason.find("no ratio"), std::string::npos) << blocks[i].reason;
    }
    EXPECT_TRUE(blocks[5].ratio.has_value());
}

TEST(JudgeBlock, ARankDeficientPredecessorGivesNoTest) {
    auto blocks = ladder({1e-17, 1.0, 0.9});
    blocks[0].rank_deficient = true;
    for (std::size_t i = 0; i < blocks.size(); ++i) judge_block(blocks, i, {});
    EXPECT_NE(blocks[0].reason.find("by construction"), std::string::npos);
    EXPECT_FALSE(blocks[1].ratio.has_value());
    EXPECT_FALSE(blocks[1].flag);
    EXPECT_DOUBLE_EQ(blocks[2].ratio.value(), 0.9);
    for (auto& block : blocks) block.rank_deficient = true;  // N <= d
    for (std::size_t i = 0; i < blocks.size(); ++i) judge_block(blocks, i, {});
    EXPECT_TRUE(flagged(blocks).empty());
    EXPECT_NE(blocks[2].reason.find("too few tokens"), std::string::npos);
}

BlockReading measured(const Vector& rows, std::size_t d, double roundoff,
                      const BlockReading* previous = nullptr) {
    TsqrFactor factor(d);
    factor.add(rows);
    return measure_block(previous ? previous->index + 1 : 0, factor.uncentred(), factor.centred(), d,
                         roundoff, previous);
}

TEST(MeasureBlock, FindsTheDirectionThatIsDying) {
    const std::size_t d = 80;
    Vector rows = test::normals(500 * d, 1, 0.5);
    const BlockReading before = measured(rows, d, 0x1p-24);
    for (std::size_t i = 0; i < rows.size(); i += d) rows[i + 33] *= 1e-3;
    std::vector<BlockReading> blocks{before, measured(rows, d, 0x1p-24, &before)};
    judge_block(blocks, 1, {});
    EXPECT_TRUE(blocks[1].flag);
    EXPECT_EQ(blocks[1].largest_channels.size(), 8u);
    EXPECT_EQ(blocks[1].largest_channels.front(), 33u);
    EXPECT_NEAR(std::abs(blocks[1].bottom[33]), 1.0, 1e-4);
    EXPECT_NEAR(blocks[1].overlap_uniform, 1.0 / std::sqrt(80.0), 0.02);
    ASSERT_TRUE(blocks[1].overlap_previous.has_value());
    EXPECT_NEAR(*blocks[1].overlap_previous, std::abs(before.bottom[33]), 0.01);
    EXPECT_FALSE(before.overlap_previous.has_value());
    EXPECT_LE(blocks[1].sigma_min_centred, blocks[1].sigma_min);
    EXPECT_GT(blocks[1].sigma_min, 10.0 * blocks[1].floor);
}

TEST(MeasureBlock, RoundingOfTheStreamIsKnownAsRounding) {
    // Channel 0 is minus the sum of the others, each rounded to float: the direction 1 is alive only by
    // rounding.
    const std::size_t d = 64, rows = 400;
    Vector x = test::normals(rows * d, 2);
    for (std::size_t i = 0; i < rows; ++i) {
        double sum = 0.0;
        for (std::size_t j = 1; j < d; ++j) sum += x[i * d + j];
        x[i * d] = -sum;
        for (std::size_t j = 0; j < d; ++j)
            x[i * d + j] = static_cast<double>(static_cast<float>(x[i * d + j]));
    }
    const BlockReading block = measured(x, d, 0x1p-24);
    EXPECT_NEAR(block.overlap_uniform, 1.0, 1e-4);
    EXPECT_LE(block.sigma_min, 2.0 * block.floor);
    EXPECT_GE(block.sigma_min, 0.25 * block.floor);
}

}  // namespace
}  // namespace deadscope

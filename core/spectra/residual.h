// The residual stream from block to block: which blocks lose a direction (math.md §4).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace deadscope {

// One X_l, measured. bottom is the direction that is closest to dead. Singular values are of X_l/√N.
struct BlockReading {
    std::size_t index = 0;                // 0 enters the first block
    double sigma_min = 0, sigma_max = 0;  // uncentred
    double sigma_min_centred = 0, sigma_max_centred = 0;
    double floor = 0;             // σ below which a value is rounding
    bool rank_deficient = false;  // fewer independent rows than d by construction (index 0), or N <= d
    std::optional<double> ratio;  // σ_min / σ_min of the block before; empty for index 0
    bool flag = false;            // fell below 1/τ here
    std::string reason;           // one sentence where flagged or where a ratio is no ratio
    std::vector<double> bottom;   // [d] bottom right singular vector (uncentred)
    std::optional<double> overlap_previous;  // |⟨bottom, bottom of index - 1⟩|
    double overlap_uniform = 0;              // |⟨bottom, 1/√d⟩|
    struct NormOverlap {
        std::string norm;
        double value;
    };
    std::vector<NormOverlap> overlap_norms;     // with v of each norm of the blocks beside it
    std::vector<std::size_t> largest_channels;  // of bottom, at most 8, by magnitude
};

struct ResidualSettings {
    double tau = 10.0;  // flagged where ratio < 1/τ
};

// The first singular values, bottom vector and floor of one stream from its factors (tsqr.h), and what they
// follow from. previous: the reading of index - 1, or null. Leaves ratio, flag and reason to judge_block.
BlockReading measure_block(std::size_t index, std::span<const double> uncentred,
                           std::span<const double> centred, std::size_t d, double roundoff,
                           const BlockReading* previous);

// What measure_block leaves out where previous is null.
void compare_with_previous(BlockReading& block, const BlockReading& previous);

// Fills ratio, flag and reason of blocks[i] from blocks[i-1] (both measured): a direction that is dead stays
// dead and is flagged once, where it died; a rank-deficient predecessor gives no ratio test.
void judge_block(std::span<BlockReading> blocks, std::size_t i, const ResidualSettings& settings);

}  // namespace deadscope

// What several ranks measured on their own sequences, brought together on rank 0: the pass's input cut up,
// and its factors and sums merged. Which ranks there are, and how they agree, is core/cluster's.
#pragma once

#include <cstddef>
#include <string>

#include "core/cluster/ranks.h"
#include "core/forward/forward.h"
#include "core/reading/reading.h"
#include "core/spectra/tsqr.h"

namespace deadscope {

// Rank r's sequences: neighbours, at least one each, about as many rows for each rank. ranks is at most the
// number of sequences.
ModelInput share_of(const ModelInput& input, std::size_t rank, std::size_t ranks);

// The factor, and the sums where there are any, of all ranks in their order, on rank 0. expected: the number
// of rows that the factor was made to expect.
void gather_measures(Ranks& ranks, TsqrFactor& factor, std::size_t expected, FloorAccumulator* sums);

// Times of the slowest rank, bytes read by all, peak memory of the largest, on rank 0.
void gather_costs(Ranks& ranks, Run& run, std::uint64_t& peak_rss_bytes);

// Errors: Error::input where the ranks opened different checkpoints or inputs, as machines that hold
// different files under one name do.
void expect_same_reading(Ranks& ranks, const Reading& reading);

}  // namespace deadscope

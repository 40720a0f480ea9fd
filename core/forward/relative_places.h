// Where two tokens' distance falls in a table of relative positions, as the published models compute it: T5's
// buckets and DeBERTa's places, logarithms in float included, because a bucket's edge is where float puts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/model/plan.h"

namespace deadscope {

// Row of the table for a key `offset` tokens behind (negative: before) the query.
std::int32_t relative_bucket(const RelativeBiasSpec& spec, std::int64_t offset);

// [2 · longest - 1]: row of the table for query i and key j, at longest - 1 + i - j.
std::vector<std::int32_t> disentangled_places(const DisentangledSpec& spec, std::size_t longest);

}  // namespace deadscope

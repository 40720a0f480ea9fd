// The forward pass again, as plain loops in long double over a plan: no tiles, no chunks, no backend.
#pragma once

#include <vector>

#include "core/forward/forward.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {

struct ReferenceRun {
    std::vector<Table> streams;    // [blocks + 1] of [tokens, d]
    Table norm_input, normalized;  // [tokens, d]
    Table logits;                  // [min(tokens, 64), vocabulary]
};
ReferenceRun reference_forward(const Plan& plan, const WeightSource& weights, const ModelInput& input);

}  // namespace deadscope::testing

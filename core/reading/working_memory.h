// How much memory a reading takes at work, and how many rows at a time keep it under a bound (--memory). An
// estimate of what core allocates, not of the whole process.
#pragma once

#include <cstdint>

#include "core/forward/forward.h"

namespace deadscope {

struct WorkingMemory {
    std::size_t chunk_tokens = 0;
    std::uint64_t factor_bytes = 0;  // left for triangular factors that are kept
    std::uint64_t bytes = 0;         // in all, with those factors
};
// bound 0: none. Errors: Error::resource with what is needed, where not even one sequence at a time fits.
// all_rows: of all ranks, where this one has a share of them.
WorkingMemory plan_memory(const Plan& plan, const ModelInput& input, Precision precision, std::uint64_t bound,
                          std::uint64_t factor_bytes, std::uint64_t all_rows = 0);

}  // namespace deadscope

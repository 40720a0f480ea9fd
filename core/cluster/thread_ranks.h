// Ranks that are threads of this process, one for each device of a machine: they meet in memory. Processes
// are mpi/'s.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/cluster/ranks.h"

namespace deadscope {

// Runs `part` on as many threads as there are names, rank 0 on this one, and returns when all have ended.
// names: what Ranks::host() says of each rank. Errors: that of the lowest rank whose part threw; a rank that
// ended early is an error, not a wait, for those that would meet it.
void run_on_threads(const std::vector<std::string>& names, const std::function<void(Ranks&)>& part);

}  // namespace deadscope

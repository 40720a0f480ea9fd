// A command by several processes that mpirun or srun started: joined, and one of them speaking for all.
#pragma once

#include <functional>
#include <string>

#include "core/cluster/ranks.h"

namespace deadscope {

// Joins the ranks and runs the command on each. An error that comes to all of them alike is said by rank 0,
// before any of them ends. Returns the exit status.
int on_ranks(const std::function<int(Ranks&)>& command);

// Of the devices that a name means, the one of this rank on its machine.
std::string device_of_rank(const std::string& device);

// Errors: Error::usage where several ranks were started: each would do the same work and write the same file.
void refuse_ranks();

// For what every rank finds before they are joined. Waits a moment, since the launcher ends all ranks, rank 0
// amid its words too, when the first one fails.
bool another_rank_speaks();

}  // namespace deadscope

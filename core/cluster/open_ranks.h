// Whether a launcher (mpirun, srun) started several of this process, and the module that joins them:
// deadscope_mpi.so, beside the program or in ../lib/deadscope. A process that stands alone loads nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/cluster/ranks.h"

namespace deadscope {

// From the environment that launchers set.
struct Launch {
    int rank = 0;
    int size = 0;        // 0: known only once joined
    int local_size = 1;  // on this machine
    int local_rank = 0;  // among those
};
std::optional<Launch> launch();  // nothing where the process stands alone, or is the only one

// From then on the BLAS keeps to threads_of_rank(). Errors: Error::resource where this build has no module or
// it does not load.
std::unique_ptr<Ranks> join_ranks();

// Threads for each rank: the machine's cores shared among its ranks, or what the launcher bound this one to.
int threads_of_rank();

struct ModuleState {
    bool works = false;
    std::string words;  // the library's version, or why there is none
};
ModuleState ranks_module();  // loads it; for `doctor`

}  // namespace deadscope

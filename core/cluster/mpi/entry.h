// What the module deadscope_mpi.so offers, by name: the one header that it and the program share beside
// ranks.h.
#pragma once

#include "core/cluster/ranks.h"

namespace deadscope::mpi {

// MPI_Init and all ranks, or null where the program is of another version.
using Join = Ranks*(const char* program_version);
inline constexpr const char* join_name = "deadscope_join_ranks";
// The MPI library in words; joins nothing.
using Library = const char*();
inline constexpr const char* library_name = "deadscope_mpi_library";

}  // namespace deadscope::mpi

// See open_ranks.h. The module shares this build's classes, so that it must be of this very version.
#include "core/cluster/open_ranks.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/module.h"
#include "core/base/single_threaded_blas.h"
#include "core/base/version.h"
#include "core/cluster/mpi/entry.h"

namespace deadscope {
namespace {

constexpr const char* file_name = "deadscope_mpi.so";

std::optional<int> number_of(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    const std::string_view digits(text);
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
    return value;
}

Module load() {
    Module module = open_module(file_name);
    if (module.handle == nullptr && module.why.empty()) module.why = "built without Open MPI";
    return module;
}

}  // namespace

std::optional<Launch> launch() {
    const std::optional<int> size = number_of("OMPI_COMM_WORLD_SIZE");
    if (size && *size > 1)
        return Launch{.rank = number_of("OMPI_COMM_WORLD_RANK").value_or(0),
                      .size = *size,
                      .local_size = std::max(1, number_of("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(1)),
                      .local_rank = number_of("OMPI_COMM_WORLD_LOCAL_RANK").value_or(0)};
    const std::optional<int> rank = number_of("PMIX_RANK");
    if (size || !rank) return std::nullopt;
    return Launch{
        .rank = *rank, .size = 0, .local_size = 1, .local_rank = number_of("SLURM_LOCALID").value_or(0)};
}

std::unique_ptr<Ranks> join_ranks() {
    const Module module = load();
    const auto join =
        reinterpret_cast<mpi::Join*>(module.handle ? dlsym(module.handle, mpi::join_name) : nullptr);
    std::unique_ptr<Ranks> ranks(join ? join(version) : nullptr);
    if (!ranks)
        throw Error::resource("several ranks were started, and this program cannot join them",
                              {.key = file_name,
                               .expected = "a module of deadscope " + std::string(version),
                               .found = module.handle ? "a module of another version" : module.why,
                               .hint = "build with Open MPI (libopenmpi-dev), or start it without mpirun"});
    bound_blas_threads(threads_of_rank());
    return ranks;
}

int threads_of_rank() {
    const std::optional<Launch> here = launch();
    if (!here) return machine().cores;
    const int online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
    return std::max(1, std::min(machine().cores, online / here->local_size));
}

ModuleState ranks_module() {
    const Module module = load();
    if (module.handle == nullptr) return {.works = false, .words = module.why};
    const auto library = reinterpret_cast<mpi::Library*>(dlsym(module.handle, mpi::library_name));
    if (library == nullptr) return {.works = false, .words = "not a module of deadscope"};
    return {.works = true, .words = library()};
}

}  // namespace deadscope

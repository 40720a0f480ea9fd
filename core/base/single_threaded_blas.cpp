// Counts of living scopes, and OpenBLAS told of them; see single_threaded_blas.h.
#include "core/base/single_threaded_blas.h"

#include <cblas.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

namespace deadscope {
namespace {

constexpr const char* own_variable = "OPENBLAS_NUM_THREADS";
constexpr const char* patience = "OPENBLAS_THREAD_TIMEOUT";
bool chosen_by_us = false, patience_by_us = false;

// OpenBLAS starts its threads, which spin, in a constructor without a priority: those with one come first.
// (Of OpenBLAS as a shared library it comes too late, and the threads are there unused.) Those that a large
// decomposition starts later would turn on their cores for 2^28 ticks of the processor's clock, a tenth of a
// second, when they have nothing to do; for 2^20 now.
__attribute__((constructor(101))) void start_no_threads() {
    if (std::getenv(patience) == nullptr) patience_by_us = setenv(patience, "20", 0) == 0;
    for (const char* name :
         {own_variable, "OPENBLAS_DEFAULT_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"})
        if (std::getenv(name) != nullptr) return;
    chosen_by_us = setenv(own_variable, "1", 0) == 0;
}

struct Scopes {
    std::mutex mutex;
    int single = 0, threaded = 0;
    int most = chosen_by_us ? openblas_get_num_procs() : openblas_get_num_threads();

    void change(int& count, int by) {
        const std::scoped_lock lock(mutex);
        count += by;
        tell();
    }
    void tell() const {
        const int wanted = threaded > 0 && single == 0 ? most : 1;
        if (openblas_get_num_threads() != wanted) openblas_set_num_threads(wanted);
    }
};

Scopes& scopes() {
    static Scopes instance;
    return instance;
}

}  // namespace

SingleThreadedBlas::SingleThreadedBlas() {
    scopes().change(scopes().single, 1);
}

SingleThreadedBlas::~SingleThreadedBlas() {
    scopes().change(scopes().single, -1);
}

ThreadedBlas::ThreadedBlas() {
    scopes().change(scopes().threaded, 1);
}

ThreadedBlas::~ThreadedBlas() {
    scopes().change(scopes().threaded, -1);
}

void bound_blas_threads(int most) {
    const std::scoped_lock lock(scopes().mutex);
    scopes().most = std::max(1, most);
    scopes().tell();
}

int blas_threads() {
    const std::scoped_lock lock(scopes().mutex);
    return openblas_get_num_threads();
}

void restore_blas_environment() {
    if (chosen_by_us) unsetenv(own_variable);
    if (patience_by_us) unsetenv(patience);
}

}  // namespace deadscope

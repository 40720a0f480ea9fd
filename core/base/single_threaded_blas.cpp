// See single_threaded_blas.h; and how long OpenBLAS's own threads wait for work before they sleep.
#include "core/base/single_threaded_blas.h"

#include <cblas.h>

#include <cstdlib>

namespace deadscope {
namespace {

// A thread of OpenBLAS that has nothing to do turns on its core for 2^28 ticks of the processor's clock, a
// tenth of a second, before it sleeps; for 2^20 now, unless the person says otherwise. OpenBLAS looks when it
// is initialised, at the same priority: where it is linked statically, that is after the program's own
// objects.
[[gnu::constructor(101)]] void let_threads_sleep_soon() {
    setenv("OPENBLAS_THREAD_TIMEOUT", "20", 0);
}

}  // namespace

SingleThreadedBlas::SingleThreadedBlas() {
    const std::scoped_lock lock(mutex_);
    if (living_++ > 0) return;
    before_ = openblas_get_num_threads();
    openblas_set_num_threads(1);
}

SingleThreadedBlas::~SingleThreadedBlas() {
    const std::scoped_lock lock(mutex_);
    if (--living_ == 0) openblas_set_num_threads(before_);
}

}  // namespace deadscope

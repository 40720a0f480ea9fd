// The program: arguments become a command or the window, in app/commands.
#include <cstdlib>

#include "app/commands/commands.h"
#include "core/base/single_threaded_blas.h"

namespace {

// OpenBLAS starts its threads before main(), and idle ones ask for work 2^26 cycles long before they sleep: a
// tenth of a second of a core that our own threads want. 2^16 is 20 µs. Whoever has set it knows better.
[[gnu::constructor(101)]] void let_idle_threads_sleep() {
    setenv("OPENBLAS_THREAD_TIMEOUT", "16", 0);
}

}  // namespace

int main(int argc, char** argv) {
    deadscope::restore_blas_environment();
    return deadscope::run_command_line(argc, argv);
}

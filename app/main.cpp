// The program: arguments become a command or the window, in app/commands.
#include <cblas.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "app/commands/commands.h"

namespace {

// OpenBLAS 0.3.21 (Debian 12) takes its AVX2 kernels on processors with AVX-512 that are younger than it, at
// half the speed of those it has. Which kernels it uses is settled when it is loaded, so the program starts
// itself once more with the choice made. A choice made by the person stands.
void choose_blas_kernels(char** argv) {
#if defined(__x86_64__)
    const std::string_view core = openblas_get_corename();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512cd");
    if (!avx512 || (core != "Haswell" && core != "Zen") || getenv("OPENBLAS_CORETYPE") != nullptr) return;
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
    execv("/proc/self/exe", argv);  // where this fails, the slower kernels serve
#else
    (void)argv;
#endif
}

}  // namespace

int main(int argc, char** argv) {
    choose_blas_kernels(argv);
    return deadscope::run_command_line(argc, argv);
}

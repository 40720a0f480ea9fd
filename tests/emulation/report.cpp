// See report.h.
#include "tests/emulation/report.h"

#include <cstdio>
#include <cstdlib>

namespace deadscope_emulation {

void fail(const std::string& what) {
    std::fprintf(stderr, "CUDA emulation: %s\n", what.c_str());
    std::fflush(stderr);
    std::abort();
}

}  // namespace deadscope_emulation

// The backends that the same tests run on: the processor's, with one and several threads, and CUDA's, its
// sources compiled for the processor under tests/emulation.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cuda/cuda_backend.h"

namespace deadscope::testing {

struct BackendKind {
    std::string name;  // "cpu" or "cuda"
    int threads = 1;

    std::unique_ptr<Backend> make(Precision precision) const {
        return name == "cuda" ? cuda::make_cuda_backend(0, precision, {.threads = threads})
                              : make_cpu_backend(precision, threads);
    }
    std::string words() const { return name + std::to_string(threads); }
};
inline void PrintTo(const BackendKind& kind, std::ostream* out) {
    *out << kind.words();
}

inline std::vector<BackendKind> backend_kinds() {
    return {{"cpu", 1}, {"cpu", 3}, {"cuda", 2}};
}
// One of each, where threads make no difference.
inline std::vector<BackendKind> each_backend() {
    return {{"cpu", 2}, {"cuda", 2}};
}

}  // namespace deadscope::testing

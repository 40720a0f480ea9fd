// Finds and opens the GPU module, once a process, and says why where there is none. What devices it knows is
// asked of the module itself (gpu_module.h).
#pragma once

#include <string>

#include "core/backend/gpu_module.h"

namespace deadscope {

struct GpuModuleStatus {
    bool built = false;     // with this program
    std::string build{};    // what was built, or why nothing was
    std::string file{};     // that was opened, or would have been
    std::string why_not{};  // where it cannot be used; empty: module is set
    const GpuModule* module = nullptr;
};

// Opens the module at the first call: beside the program, in ../lib/deadscope or in the folder above (a build
// folder's tests), or where the environment's DEADSCOPE_CUDA_MODULE says. Without an NVIDIA driver on the
// machine it stays closed, unless it was named like that. Thread rule: any thread; the answer does not
// change.
const GpuModuleStatus& gpu_module_status();

// The module that make_backend() uses; null: none. Thread rule: any thread.
const GpuModule* gpu_module();
// For tests: this one from now on; null: the one that was found. Outlives its use.
void use_gpu_module(const GpuModule* module);

}  // namespace deadscope

// The devices of this machine as CUDA sees them, and the module's face to the program (gpu_module.h).
#pragma once

#include <string>

#include "core/backend/gpu_module.h"

namespace deadscope::cuda {

// Capability 7.5 and above; older ones no current CUDA Toolkit compiles for.
inline constexpr int kLeastMajor = 7, kLeastMinor = 5;

std::string device_name(int device);  // Errors: Error::resource.
const GpuModule& gpu_module();

}  // namespace deadscope::cuda

// What CUDA and its libraries answer, made into this program's errors.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include <string_view>

namespace deadscope::cuda {

// Nothing where all went well, else Error::resource: "the GPU failed: <what>". Most of these errors stay:
// every later call in this process fails likewise. OutOfDeviceMemory
// where there was no room.
void check(cudaError_t status, const char* what);
void check(cublasStatus_t status, const char* what);
void check(cusolverStatus_t status, const char* what);
// Whether that ever happened in this process.
bool has_failed();
[[noreturn]] void fail(const char* what, std::string_view why);

}  // namespace deadscope::cuda

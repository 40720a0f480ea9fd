// See errors.h.
#include "core/backend/cuda/errors.h"

#include <atomic>
#include <string>

#include "core/backend/device_error.h"

namespace deadscope::cuda {
namespace {

std::atomic<bool> failed = false;

[[noreturn]] void no_room(const char* what) {
    (void)cudaGetLastError();  // or it would be taken for the next launch's
    throw OutOfDeviceMemory("the GPU had no room when " + std::string(what));
}

}  // namespace

bool has_failed() {
    return failed;
}

void fail(const char* what, std::string_view why) {
    failed = true;
    throw Error::resource(
        "the GPU failed: " + std::string(what),
        {.found = std::string(why),
         .hint = "--device cpu computes on the processor; a GPU that failed once may need the "
                 "program to be started again"});
}

void check(cudaError_t status, const char* what) {
    if (status == cudaErrorMemoryAllocation) no_room(what);
    if (status != cudaSuccess)
        fail(what, std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")");
}

void check(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_ALLOC_FAILED) no_room(what);
    if (status != CUBLAS_STATUS_SUCCESS)
        fail(what, "cuBLAS status " + std::to_string(static_cast<int>(status)));
}

void check(cusolverStatus_t status, const char* what) {
    if (status == CUSOLVER_STATUS_ALLOC_FAILED) no_room(what);
    if (status != CUSOLVER_STATUS_SUCCESS)
        fail(what, "cuSOLVER status " + std::to_string(static_cast<int>(status)));
}

}  // namespace deadscope::cuda

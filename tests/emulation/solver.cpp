// See solver.h.
#include "tests/emulation/solver.h"

#include <lapacke.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/single_threaded_blas.h"
#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"
#include "tests/emulation/stream.h"

struct cusolverDnContext {
    int device = 0;
    cudaStream_t stream = nullptr;
};

namespace deadscope_emulation {

namespace {

cusolverStatus_t status_of(cudaError_t error) {
    if (error == cudaSuccess) return CUSOLVER_STATUS_SUCCESS;
    return error == cudaErrorMemoryAllocation ? CUSOLVER_STATUS_ALLOC_FAILED
                                              : CUSOLVER_STATUS_EXECUTION_FAILED;
}

// Doubles of a column-major matrix from its first to its last; columns are told to the sanitizer one by one.
bool touches_matrix(int device, const double* data, int rows, int cols, int ld, bool writes) {
    if (rows == 0 || cols == 0) return true;
    const auto columns = static_cast<std::size_t>(cols), step = static_cast<std::size_t>(ld);
    const auto height = static_cast<std::size_t>(rows);
    Range range;
    const std::size_t bytes = ((columns - 1) * step + height) * sizeof(double);
    if (!find_range(data, bytes, range)) return touches(device, data, bytes, writes);
    for (std::size_t c = 0; c < columns; ++c) {
        if (!touches(device, data + c * step, height * sizeof(double), writes)) return false;
    }
    return true;
}
bool touches_vector(int device, const double* data, int count, bool writes) {
    return touches_matrix(device, data, count, 1, count, writes);
}

// A factorisation as the stream's thread does it: `ready` says whether all its memory is there, `compute`
// gives LAPACK's info. LAPACK has memory of its own; what cuSOLVER would scribble into is made no number.
cusolverStatus_t enqueue(cusolverDnHandle_t handle, double* work, int lwork, int* info,
                         std::function<bool(int)> ready, std::function<int()> compute) {
    if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return status_of(error);
    CUstream_st* const stream = resolve(handle->stream);
    if (stream == nullptr || stream->device != handle->device || info == nullptr)
        return CUSOLVER_STATUS_INVALID_VALUE;
    const cudaError_t planned = planned_failure(Call::library);
    if (planned != cudaSuccess && !is_sticky(planned)) return status_of(planned);
    order_with_default(*stream);
    stream->enqueue([=, device = stream->device, ready = std::move(ready), compute = std::move(compute)] {
        if (planned != cudaSuccess) return lose(device, planned);
        if (!ready(device) || !touches_vector(device, work, lwork, true) ||
            !touches(device, info, sizeof *info, true)) {
            return;
        }
        const Unwatched unwatched;
        const deadscope::SingleThreadedBlas one_thread;
        std::memset(work, 0xFF, static_cast<std::size_t>(lwork) * sizeof(double));
        *info = compute();
    });
    count_library_call();
    return CUSOLVER_STATUS_SUCCESS;
}

int workspace(int n) {
    return 32 * std::max(n, 1);
}

// LAPACK's own workspace: asked for with lwork = -1, then given.
template <typename Call>
int with_workspace(Call call) {
    double wanted = 0;
    if (const int info = call(&wanted, -1); info != 0) return info;
    std::vector<double> work(static_cast<std::size_t>(std::max(wanted, 1.0)));
    return call(work.data(), static_cast<int>(work.size()));
}

}  // namespace
}  // namespace deadscope_emulation

using namespace deadscope_emulation;

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
    *handle = nullptr;
    if (obstacle() != cudaSuccess) return CUSOLVER_STATUS_NOT_INITIALIZED;
    if (const cudaError_t error = planned_failure(Call::library); error != cudaSuccess)
        return status_of(error);
    *handle = new cusolverDnContext{current_device(), nullptr};
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
    delete handle;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
    if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
    handle->stream = stream;
    return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDgeqrf_bufferSize(cusolverDnHandle_t handle, int m, int n, double*, int lda,
                                             int* lwork) {
    if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
    if (m < 0 || n < 0 || lda < std::max(m, 1)) return CUSOLVER_STATUS_INVALID_VALUE;
    *lwork = workspace(n);
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDgeqrf(cusolverDnHandle_t handle, int m, int n, double* a, int lda, double* tau,
                                  double* work, int lwork, int* info) {
    if (m < 0 || n < 0 || lda < std::max(m, 1) || lwork < workspace(n)) return CUSOLVER_STATUS_INVALID_VALUE;
    return enqueue(
        handle, work, lwork, info,
        [=](int device) {
            return touches_matrix(device, a, m, n, lda, true) &&
                   touches_vector(device, tau, std::min(m, n), true);
        },
        [=] {
            return with_workspace([&](double* own, int size) {
                return LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m, n, a, lda, tau, own, size);
            });
        });
}

cusolverStatus_t cusolverDnDormqr_bufferSize(cusolverDnHandle_t handle, cublasSideMode_t side,
                                             cublasOperation_t, int m, int n, int k, const double*, int lda,
                                             const double*, const double*, int ldc, int* lwork) {
    if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
    const int order = side == CUBLAS_SIDE_LEFT ? m : n;
    if (m < 0 || n < 0 || k < 0 || k > order || lda < std::max(order, 1) || ldc < std::max(m, 1)) {
        return CUSOLVER_STATUS_INVALID_VALUE;
    }
    *lwork = workspace(side == CUBLAS_SIDE_LEFT ? n : m);
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDormqr(cusolverDnHandle_t handle, cublasSideMode_t side, cublasOperation_t trans,
                                  int m, int n, int k, const double* a, int lda, const double* tau, double* c,
                                  int ldc, double* work, int lwork, int* info) {
    int needed = 0;
    const cusolverStatus_t shapes =
        cusolverDnDormqr_bufferSize(handle, side, trans, m, n, k, a, lda, tau, c, ldc, &needed);
    if (shapes != CUSOLVER_STATUS_SUCCESS) return shapes;
    if (lwork < needed) return CUSOLVER_STATUS_INVALID_VALUE;
    const int order = side == CUBLAS_SIDE_LEFT ? m : n;
    return enqueue(
        handle, work, lwork, info,
        [=](int device) {
            return touches_matrix(device, a, order, k, lda, false) && touches_vector(device, tau, k, false) &&
                   touches_matrix(device, c, m, n, ldc, true);
        },
        [=] {
            return with_workspace([&](double* own, int size) {
                return LAPACKE_dormqr_work(LAPACK_COL_MAJOR, side == CUBLAS_SIDE_LEFT ? 'L' : 'R',
                                           trans == CUBLAS_OP_N ? 'N' : 'T', m, n, k, a, lda, tau, c, ldc,
                                           own, size);
            });
        });
}

cusolverStatus_t cusolverDnDgesvd_bufferSize(cusolverDnHandle_t handle, int m, int n, int* lwork) {
    if (handle == nullptr) return CUSOLVER_STATUS_NOT_INITIALIZED;
    if (m < n || n < 0) return CUSOLVER_STATUS_INVALID_VALUE;  // the manual: only m ≥ n is supported
    *lwork = workspace(n);
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDgesvd(cusolverDnHandle_t handle, signed char jobu, signed char jobvt, int m,
                                  int n, double* a, int lda, double* s, double* u, int ldu, double* vt,
                                  int ldvt, double* work, int lwork, double*, int* info) {
    if (m < n || n < 1 || lda < m || lwork < workspace(n)) return CUSOLVER_STATUS_INVALID_VALUE;
    const int columns_u = jobu == 'A'   ? m
                          : jobu == 'S' ? n
                                        : 0,
              rows_vt = jobvt == 'A' || jobvt == 'S' ? n : 0;
    if ((columns_u > 0 && ldu < m) || (rows_vt > 0 && ldvt < n) || (columns_u == 0 && jobu != 'N') ||
        (rows_vt == 0 && jobvt != 'N')) {
        return CUSOLVER_STATUS_INVALID_VALUE;
    }
    return enqueue(
        handle, work, lwork, info,
        [=](int device) {
            return touches_matrix(device, a, m, n, lda, true) && touches_vector(device, s, n, true) &&
                   touches_matrix(device, u, m, columns_u, ldu, true) &&
                   touches_matrix(device, vt, rows_vt, n, ldvt, true);
        },
        [=] {
            return with_workspace([&](double* own, int size) {
                return LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, static_cast<char>(jobu),
                                           static_cast<char>(jobvt), m, n, a, lda, s, u, std::max(ldu, 1), vt,
                                           std::max(ldvt, 1), own, size);
            });
        });
}

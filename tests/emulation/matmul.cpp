// See matmul.h. The descriptors are looked at when the product is asked for, the matrices when the stream
// comes to it (product.cpp).
#include "tests/emulation/matmul.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/emulation/machine.h"
#include "tests/emulation/product.h"
#include "tests/emulation/stream.h"

namespace deadscope_emulation {

namespace {

constexpr std::uint64_t algorithm_mark = 0x64656164;
constexpr std::uint64_t workspace_used = 64 * 1024;  // by every product, where so much is offered

bool sound(const Layout& l) {
    return l.rows > 0 && l.cols > 0 && l.ld >= static_cast<std::int64_t>(stored(l).rows) && l.batches >= 1 &&
           l.batch_stride >= 0;
}

cublasStatus_t check_shapes(const Desc& desc, const Layout& a, const Layout& b, const Layout& c,
                            const Layout& d) {
    if (!sound(a) || !sound(b) || !sound(c) || !sound(d)) return CUBLAS_STATUS_INVALID_VALUE;
    const bool ta = desc.transpose_a != CUBLAS_OP_N, tb = desc.transpose_b != CUBLAS_OP_N;
    if ((ta ? a.cols : a.rows) != d.rows || (tb ? b.rows : b.cols) != d.cols ||
        (ta ? a.rows : a.cols) != (tb ? b.cols : b.rows) || c.rows != d.rows || c.cols != d.cols ||
        a.batches != d.batches || b.batches != d.batches || c.batches != d.batches) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const bool doubles = desc.compute == CUBLAS_COMPUTE_64F || desc.compute == CUBLAS_COMPUTE_64F_PEDANTIC;
    if (desc.scale != (doubles ? CUDA_R_64F : CUDA_R_32F)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (a.type != b.type || c.type != d.type) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (doubles != (a.type == CUDA_R_64F) || doubles != (d.type == CUDA_R_64F))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d.type != a.type && d.type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a.type != CUDA_R_32F)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    return CUBLAS_STATUS_SUCCESS;
}

template <typename T>
cublasStatus_t set(T& field, const void* value, std::size_t bytes) {
    if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, sizeof(T));
    return CUBLAS_STATUS_SUCCESS;
}

// What a planned failure or a lost context makes of a call.
cublasStatus_t status_of(cudaError_t error) {
    if (error == cudaSuccess) return CUBLAS_STATUS_SUCCESS;
    return error == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_EXECUTION_FAILED;
}

bool aligned(const void* pointer, std::uint64_t bytes) {
    return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

}  // namespace
}  // namespace deadscope_emulation

using namespace deadscope_emulation;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    *handle = nullptr;
    if (obstacle() != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (const cudaError_t error = planned_failure(Call::library); error != cudaSuccess)
        return status_of(error);
    *handle = new cublasLtContext{current_device()};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

namespace {
constexpr std::pair<cublasStatus_t, const char*> status_names[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH"},
    {CUBLAS_STATUS_MAPPING_ERROR, "CUBLAS_STATUS_MAPPING_ERROR"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED"}};
}  // namespace
const char* cublasLtGetStatusName(cublasStatus_t status) {
    for (const auto& [known, name] : status_names) {
        if (known == status) return name;
    }
    return "CUBLAS_STATUS_UNKNOWN";
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
    return cublasLtGetStatusName(status);
}
std::size_t cublasLtGetVersion() {
    return 130000;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          std::uint64_t rows, std::uint64_t cols, std::int64_t ld) {
    *layout = new Layout{.type = type, .rows = rows, .cols = cols, .ld = ld};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    delete layout;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t which, const void* value,
                                                std::size_t bytes) {
    switch (which) {
        case CUBLASLT_MATRIX_LAYOUT_TYPE:
            return set(layout->type, value, bytes);
        case CUBLASLT_MATRIX_LAYOUT_ORDER:
            return set(layout->order, value, bytes);
        case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
            return set(layout->batches, value, bytes);
        case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
            return set(layout->batch_stride, value, bytes);
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute,
                                        cudaDataType scale) {
    *desc = new Desc{.compute = compute, .scale = scale};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
    delete desc;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t which,
                                              const void* value, std::size_t bytes) {
    switch (which) {
        case CUBLASLT_MATMUL_DESC_TRANSA:
            return set(desc->transpose_a, value, bytes);
        case CUBLASLT_MATMUL_DESC_TRANSB:
            return set(desc->transpose_b, value, bytes);
        case CUBLASLT_MATMUL_DESC_EPILOGUE:
            return set(desc->epilogue, value, bytes);
        case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
            return set(desc->bias, value, bytes);
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
    *preference = new cublasLtMatmulPreferenceOpaque_t;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t which,
                                                    const void* value, std::size_t bytes) {
    switch (which) {
        case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
            return set(preference->workspace_bytes, value, bytes);
        case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
            return set(preference->reductions, value, bytes);
        case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
        case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
        case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
        case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
            return set(
                preference->alignments[which - std::size_t{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES}],
                value, bytes);
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

// The algorithm remembers what it was chosen for, so that a product that breaks its promises is refused.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t* results, int* returned) {
    *returned = 0;
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
    if (const cublasStatus_t status = check_shapes(*desc, *a, *b, *c, *d); status != CUBLAS_STATUS_SUCCESS)
        return status;
    results[0] = {};
    results[0].workspaceSize = std::min(preference->workspace_bytes, workspace_used);
    results[0].state = CUBLAS_STATUS_SUCCESS;
    results[0].wavesCount = 1.0f;
    std::uint64_t* const data = results[0].algo.data;
    data[0] = algorithm_mark;
    data[1] = results[0].workspaceSize;
    std::ranges::copy(preference->alignments, data + 2);
    data[6] = d->rows;
    data[7] = d->cols;
    *returned = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, std::size_t workspace_bytes,
                              cudaStream_t handle_of_stream) {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return status_of(error);
    const cublasStatus_t shapes = check_shapes(*desc, *a_layout, *b_layout, *c_layout, *d_layout);
    if (shapes != CUBLAS_STATUS_SUCCESS) return shapes;
    CUstream_st* const stream = resolve(handle_of_stream);
    if (stream == nullptr || stream->device != handle->device) return CUBLAS_STATUS_INVALID_VALUE;
    std::uint64_t needed = std::min<std::uint64_t>(workspace_bytes, workspace_used);
    if (algo != nullptr) {
        const std::uint64_t* const chosen = algo->data;
        if (chosen[0] != algorithm_mark || chosen[6] != d_layout->rows || chosen[7] != d_layout->cols) {
            return CUBLAS_STATUS_NOT_SUPPORTED;
        }
        needed = chosen[1];
        if (needed > workspace_bytes || !aligned(a, chosen[2]) || !aligned(b, chosen[3]) ||
            !aligned(c, chosen[4]) || !aligned(d, chosen[5])) {
            return CUBLAS_STATUS_INVALID_VALUE;
        }
    }
    const bool bias = desc->epilogue == CUBLASLT_EPILOGUE_BIAS;
    if ((bias && desc->bias == nullptr) || (!bias && desc->epilogue != CUBLASLT_EPILOGUE_DEFAULT)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const auto factor = [&](const void* at) {
        return desc->scale == CUDA_R_64F ? *static_cast<const double*>(at) : *static_cast<const float*>(at);
    };
    const cudaError_t planned = planned_failure(Call::library);
    if (planned != cudaSuccess && !is_sticky(planned)) return status_of(planned);
    order_with_default(*stream);
    stream->enqueue([planned, device = stream->device,
                     p = Product{*desc, *a_layout, *b_layout, *c_layout, *d_layout, a, b, c, d, factor(alpha),
                                 factor(beta), workspace, needed}] {
        if (planned != cudaSuccess) return lose(device, planned);
        compute(p, device);
    });
    count_library_call();
    return CUBLAS_STATUS_SUCCESS;
}

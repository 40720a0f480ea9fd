// See matmul.h. The descriptors are looked at when the product is asked for, the matrices when the stream
// comes to it. Each accumulates in its compute type and is rounded once, on the way out.
#include "tests/emulation/matmul.h"

#include <cblas.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/single_threaded_blas.h"
#include "tests/emulation/half_types.h"
#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"
#include "tests/emulation/stream.h"

struct cublasLtContext {
    int device = 0;
};
struct cublasLtMatrixLayoutOpaque_t {
    cudaDataType type = CUDA_R_32F;
    std::uint64_t rows = 0, cols = 0;
    std::int64_t ld = 0, batch_stride = 0;
    std::int32_t order = CUBLASLT_ORDER_COL, batches = 1;
};
struct cublasLtMatmulDescOpaque_t {
    cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
    cudaDataType scale = CUDA_R_32F;
    std::int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = nullptr;
};
struct cublasLtMatmulPreferenceOpaque_t {
    std::uint64_t workspace_bytes = 0;
    std::uint32_t reductions = ~0u;
    std::array<std::uint32_t, 4> alignments{256, 256, 256, 256};
};

namespace deadscope_emulation {

namespace {

using Layout = cublasLtMatrixLayoutOpaque_t;
using Desc = cublasLtMatmulDescOpaque_t;

constexpr std::uint64_t algorithm_mark = 0x64656164;
constexpr std::uint64_t workspace_used = 64 * 1024;  // by every product, where so much is offered

std::size_t size_of(cudaDataType type) {
    return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

// A matrix in memory, counted as what it is stored as: `columns` runs of `rows` elements, `ld` apart.
struct Stored {
    std::uint64_t rows, columns;
};
Stored stored(const Layout& l) {
    return l.order == CUBLASLT_ORDER_ROW ? Stored{l.cols, l.rows} : Stored{l.rows, l.cols};
}
std::size_t extent(const Layout& l) {
    const Stored s = stored(l);
    return ((s.columns - 1) * static_cast<std::uint64_t>(l.ld) + s.rows) * size_of(l.type);
}
std::size_t whole_extent(const Layout& l) {
    return static_cast<std::size_t>(l.batches - 1) * static_cast<std::size_t>(l.batch_stride) *
               size_of(l.type) +
           extent(l);
}
bool sound(const Layout& l) {
    return l.rows > 0 && l.cols > 0 && l.ld >= static_cast<std::int64_t>(stored(l).rows) && l.batches >= 1 &&
           l.batch_stride >= 0;
}

// One product of the batch, with all that the stream's thread needs.
struct Product {
    Desc desc;
    Layout a, b, c, d;
    const void *a_data, *b_data, *c_data;
    void* d_data;
    double alpha, beta;
    void* workspace;
    std::uint64_t workspace_bytes;
    std::uint64_t m() const { return d.rows; }
    std::uint64_t n() const { return d.cols; }
    std::uint64_t k() const { return desc.transpose_a == CUBLAS_OP_N ? a.cols : a.rows; }
};

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
T element(const void* data, cudaDataType type, std::size_t at) {
    switch (type) {
        case CUDA_R_64F:
            return static_cast<T>(static_cast<const double*>(data)[at]);
        case CUDA_R_32F:
            return static_cast<T>(static_cast<const float*>(data)[at]);
        case CUDA_R_16F:
            return static_cast<T>(half_to_float(static_cast<const std::uint16_t*>(data)[at]));
        case CUDA_R_16BF:
            return static_cast<T>(brain_to_float(static_cast<const std::uint16_t*>(data)[at]));
    }
    return T(0);
}

template <typename T>
void set_element(void* data, cudaDataType type, std::size_t at, T value) {
    switch (type) {
        case CUDA_R_64F:
            static_cast<double*>(data)[at] = static_cast<double>(value);
            break;
        case CUDA_R_32F:
            static_cast<float*>(data)[at] = static_cast<float>(value);
            break;
        case CUDA_R_16F:
            static_cast<std::uint16_t*>(data)[at] = half_from(static_cast<double>(value));
            break;
        case CUDA_R_16BF:
            static_cast<std::uint16_t*>(data)[at] = brain_from(static_cast<double>(value));
            break;
    }
}

// TF32 keeps 10 of a float's 23 bits of significand.
float as_tf32(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & 0x7F800000u) == 0x7F800000u) return x;
    return std::bit_cast<float>((bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu);
}

const void* offset(const void* data, const Layout& l, std::int64_t batch) {
    return static_cast<const char*>(data) +
           static_cast<std::size_t>(batch * l.batch_stride) * size_of(l.type);
}

// A matrix as OpenBLAS takes it: column-major, in the compute type; copied only where it has to be.
template <typename T>
struct Operand {
    std::vector<T> copy;
    const T* data;
    int ld;
    bool flipped;  // stored as the transpose

    Operand(const void* from, const Layout& l, bool tf32) : flipped(l.order == CUBLASLT_ORDER_ROW) {
        const Stored s = stored(l);
        if (l.type == (sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F) && !tf32) {
            data = static_cast<const T*>(from);
            ld = static_cast<int>(l.ld);
            return;
        }
        copy.resize(s.rows * s.columns);
        for (std::uint64_t c = 0; c < s.columns; ++c) {
            for (std::uint64_t r = 0; r < s.rows; ++r) {
                T value = element<T>(from, l.type, c * static_cast<std::uint64_t>(l.ld) + r);
                if constexpr (sizeof(T) == 4) {
                    if (tf32) value = as_tf32(value);
                }
                copy[c * s.rows + r] = value;
            }
        }
        data = copy.data();
        ld = static_cast<int>(s.rows);
    }
};

template <typename T>
void multiply(const Product& p, std::int64_t batch) {
    const bool tf32 = p.desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    const Operand<T> a(offset(p.a_data, p.a, batch), p.a, tf32), b(offset(p.b_data, p.b, batch), p.b, tf32);
    const auto m = static_cast<int>(p.m()), n = static_cast<int>(p.n()), k = static_cast<int>(p.k());
    std::vector<T> sum(p.m() * p.n());  // [n, m]: column-major
    const auto ta = (p.desc.transpose_a != CUBLAS_OP_N) != a.flipped ? CblasTrans : CblasNoTrans;
    const auto tb = (p.desc.transpose_b != CUBLAS_OP_N) != b.flipped ? CblasTrans : CblasNoTrans;
    if constexpr (sizeof(T) == 8) {
        cblas_dgemm(CblasColMajor, ta, tb, m, n, k, 1.0, a.data, a.ld, b.data, b.ld, 0.0, sum.data(), m);
    } else {
        cblas_sgemm(CblasColMajor, ta, tb, m, n, k, 1.0f, a.data, a.ld, b.data, b.ld, 0.0f, sum.data(), m);
    }
    const void* const c = p.beta == 0.0 ? nullptr : offset(p.c_data, p.c, batch);
    void* const d = const_cast<void*>(offset(p.d_data, p.d, batch));
    const auto place = [](const Layout& l, std::uint64_t row, std::uint64_t col) {
        const auto ld = static_cast<std::uint64_t>(l.ld);
        return l.order == CUBLASLT_ORDER_ROW ? row * ld + col : col * ld + row;
    };
    const T alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
    for (std::uint64_t col = 0; col < p.n(); ++col) {
        for (std::uint64_t row = 0; row < p.m(); ++row) {
            T value = alpha * sum[col * p.m() + row];
            if (c != nullptr) value += beta * element<T>(c, p.c.type, place(p.c, row, col));
            if (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS) value += element<T>(p.desc.bias, p.d.type, row);
            set_element(d, p.d.type, place(p.d, row, col), value);
        }
    }
}

// Each column on its own, since what lies between them may be another's.
bool touches_matrix(int device, const void* data, const Layout& l, bool writes) {
    Range range;
    if (!find_range(data, whole_extent(l), range)) return touches(device, data, whole_extent(l), writes);
    for (std::int64_t batch = 0; batch < l.batches; ++batch) {
        const Stored s = stored(l);
        const auto* const first = static_cast<const char*>(offset(data, l, batch));
        const std::size_t column = s.rows * size_of(l.type),
                          step = static_cast<std::size_t>(l.ld) * size_of(l.type);
        for (std::uint64_t c = 0; c < s.columns; ++c) {
            if (writes) {
                will_write(const_cast<char*>(first) + c * step, column);
            } else {
                will_read(first + c * step, column);
            }
        }
    }
    return true;
}

void run(const Product& p, int device) {
    const bool bias = p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS;
    if (!touches_matrix(device, p.a_data, p.a, false) || !touches_matrix(device, p.b_data, p.b, false) ||
        (p.beta != 0.0 && !touches_matrix(device, p.c_data, p.c, false)) ||
        (bias && !touches(device, p.desc.bias, p.m() * size_of(p.d.type), false)) ||
        !touches_matrix(device, p.d_data, p.d, true) ||
        !touches(device, p.workspace, p.workspace_bytes, true)) {
        return;
    }
    const Unwatched unwatched;
    const deadscope::SingleThreadedBlas one_thread;
    if (p.workspace_bytes > 0) std::memset(p.workspace, 0xFF, p.workspace_bytes);
    for (std::int64_t batch = 0; batch < p.d.batches; ++batch) {
        if (p.desc.scale == CUDA_R_64F) {
            multiply<double>(p, batch);
        } else {
            multiply<float>(p, batch);
        }
    }
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
        run(p, device);
    });
    count_library_call();
    return CUBLAS_STATUS_SUCCESS;
}

// See product.h. It accumulates in its compute type and is rounded once, on the way out.
#include "tests/emulation/product.h"

#include <cblas.h>

#include <bit>
#include <cstring>
#include <vector>

#include "core/base/single_threaded_blas.h"
#include "tests/emulation/half_types.h"
#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"

namespace deadscope_emulation {

namespace {

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

}  // namespace

void compute(const Product& p, int device) {
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

}  // namespace deadscope_emulation

// Matrix products in one precision, single-threaded inside the loops of the pool. OpenBLAS is the one
// dependency.
#pragma once

#include <cblas.h>

#include <cstddef>

#include "core/base/single_threaded_blas.h"

namespace deadscope::cpu {

// A row-major operand: `stride` elements between rows.
template <typename T>
struct Operand {
    const T* data;
    std::size_t stride;
    bool transposed = false;
};

// c [m, n] = alpha · a [m, k] b [k, n] + beta · c; a transposed operand is stored the other way round.
template <typename T>
void gemm(std::size_t m, std::size_t n, std::size_t k, T alpha, Operand<T> a, Operand<T> b, T beta, T* c,
          std::size_t c_stride) {
    const auto side = [](const Operand<T>& x) { return x.transposed ? CblasTrans : CblasNoTrans; };
    const auto size = [](std::size_t x) { return static_cast<blasint>(x); };  // cpu_backend.cpp bounds them
    if constexpr (sizeof(T) == sizeof(float)) {
        cblas_sgemm(CblasRowMajor, side(a), side(b), size(m), size(n), size(k), alpha, a.data, size(a.stride),
                    b.data, size(b.stride), beta, c, size(c_stride));
    } else {
        cblas_dgemm(CblasRowMajor, side(a), side(b), size(m), size(n), size(k), alpha, a.data, size(a.stride),
                    b.data, size(b.stride), beta, c, size(c_stride));
    }
}

}  // namespace deadscope::cpu

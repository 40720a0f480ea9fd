// Matrix products in one precision, single-threaded inside the loops of the pool. OpenBLAS is the one
// dependency.
#pragma once

#include <cblas.h>

#include <cstddef>
#include <mutex>

namespace deadscope::cpu {

// While one lives, OpenBLAS calls run on their caller's thread: the pool already uses every core. The number
// of threads is the process's, so the first to begin remembers it and the last to end puts it back.
// Thread rule: any thread; those of several passes may overlap.
class SingleThreadedBlas {
public:
    SingleThreadedBlas() {
        const std::scoped_lock lock(mutex_);
        if (living_++ > 0) return;
        before_ = openblas_get_num_threads();
        openblas_set_num_threads(1);
    }
    ~SingleThreadedBlas() {
        const std::scoped_lock lock(mutex_);
        if (--living_ == 0) openblas_set_num_threads(before_);
    }
    SingleThreadedBlas(const SingleThreadedBlas&) = delete;
    SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;

private:
    static inline std::mutex mutex_;
    static inline int living_ = 0, before_ = 0;
};

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

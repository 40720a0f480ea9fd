// What the kernels share: element types and their arithmetic, packed loads and stores, reductions over the
// threads of a row, and the one way to launch. For .cu files only; they are compiled by nvcc, and by g++
// under tests/emulation. Memory and errors are the host code's.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <math.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/backend/cuda/kernels.h"

// Loops whose arrays are to stay in registers.
#ifdef __CUDACC__
#define DEADSCOPE_UNROLL _Pragma("unroll")
#define DEADSCOPE_UNROLL_BY_4 _Pragma("unroll 4")
#else
#define DEADSCOPE_UNROLL
#define DEADSCOPE_UNROLL_BY_4
#endif

namespace deadscope::cuda {

void check(cudaError_t result, const char* what);  // errors.h: throws what a failed call means

// ---- elements

template <typename T>
struct ArithmeticOf {
    using type = float;
};
template <>
struct ArithmeticOf<double> {
    using type = double;
};
template <typename T>
using Arithmetic = typename ArithmeticOf<T>::type;

__device__ __forceinline__ double widen(double value) {
    return value;
}
__device__ __forceinline__ float widen(float value) {
    return value;
}
__device__ __forceinline__ float widen(__half value) {
    return __half2float(value);
}
__device__ __forceinline__ float widen(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

__device__ __forceinline__ float float_of_bits(std::uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
template <typename T>
struct Narrow;  // to T, to nearest even, rounded once
template <>
struct Narrow<double> {
    __device__ static double of(double value) { return value; }
};
template <>
struct Narrow<float> {
    __device__ static float of(float value) { return value; }
    __device__ static float of(double value) { return static_cast<float>(value); }
};
template <>
struct Narrow<__half> {
    __device__ static __half of(float value) { return __float2half_rn(value); }
    __device__ static __half of(double value) { return __double2half(value); }
};
template <>
struct Narrow<__nv_bfloat16> {
    __device__ static __nv_bfloat16 of(float value) { return __float2bfloat16_rn(value); }
    __device__ static __nv_bfloat16 of(double value) { return __double2bfloat16(value); }
};

// Calls f with a pointer of the element's type, null.
template <typename F>
void with_type(Element element, F&& f) {
    switch (element) {
        case Element::f64:
            return f(static_cast<double*>(nullptr));
        case Element::f32:
            return f(static_cast<float*>(nullptr));
        case Element::bf16:
            return f(static_cast<__nv_bfloat16*>(nullptr));
        case Element::f16:
            return f(static_cast<__half*>(nullptr));
    }
}

// ---- functions of the arithmetic's type: accurate, never the fast approximations

__device__ __forceinline__ float exp_of(float x) {
    return expf(x);
}
__device__ __forceinline__ double exp_of(double x) {
    return exp(x);
}
__device__ __forceinline__ float expm1_of(float x) {
    return expm1f(x);
}
__device__ __forceinline__ double expm1_of(double x) {
    return expm1(x);
}
__device__ __forceinline__ float tanh_of(float x) {
    return tanhf(x);
}
__device__ __forceinline__ double tanh_of(double x) {
    return tanh(x);
}
__device__ __forceinline__ float erf_of(float x) {
    return erff(x);
}
__device__ __forceinline__ double erf_of(double x) {
    return erf(x);
}
__device__ __forceinline__ float sqrt_of(float x) {
    return sqrtf(x);
}
__device__ __forceinline__ double sqrt_of(double x) {
    return sqrt(x);
}
__device__ __forceinline__ float fma_of(float a, float b, float c) {
    return fmaf(a, b, c);
}
__device__ __forceinline__ double fma_of(double a, double b, double c) {
    return fma(a, b, c);
}
__device__ __forceinline__ bool is_finite(float x) {
    return fabsf(x) <= FLT_MAX;
}
__device__ __forceinline__ bool is_finite(double x) {
    return fabs(x) <= DBL_MAX;
}

// ---- packs: neighbouring elements read or written at once

template <typename T, int width>
struct alignas(std::min<std::size_t>(16, sizeof(T) * width)) Pack {
    T at[width];
};
template <typename T>
constexpr int pack_width = static_cast<int>(16 / sizeof(T));

// S is what lies there, A what is computed with.
template <int width, typename S, typename A>
__device__ __forceinline__ void load(const S* from, A (&to)[width]) {
    const Pack<S, width> pack = *reinterpret_cast<const Pack<S, width>*>(from);
    DEADSCOPE_UNROLL
    for (int e = 0; e < width; ++e) to[e] = static_cast<A>(widen(pack.at[e]));
}
template <int width, typename A, typename T>
__device__ __forceinline__ void store(const A (&from)[width], T* to) {
    Pack<T, width> pack;
    DEADSCOPE_UNROLL
    for (int e = 0; e < width; ++e) pack.at[e] = Narrow<T>::of(from[e]);
    *reinterpret_cast<Pack<T, width>*>(to) = pack;
}

// A View with its type.
template <typename T>
struct Rows {
    T* data;
    std::size_t stride;
    explicit Rows(const View& view) : data(static_cast<T*>(view.data)), stride(view.stride) {}
    Rows(T* first, std::size_t between) : data(first), stride(between) {}
    __device__ T* at(std::size_t row, std::size_t col = 0) const { return data + row * stride + col; }
};

// Whether every pack of this many bytes in each row starts at a multiple of 16 bytes, or would at its size.
inline bool packs(const void* data, std::size_t stride, std::size_t element_size, std::size_t width) {
    const std::size_t bytes = std::min<std::size_t>(16, element_size * width);
    return reinterpret_cast<std::uintptr_t>(data) % bytes == 0 && stride * element_size % bytes == 0;
}
template <typename T>
bool packs(const View& view) {
    return packs(view.data, view.stride, sizeof(T), static_cast<std::size_t>(pack_width<T>)) &&
           view.cols % static_cast<std::size_t>(pack_width<T>) == 0;
}

// ---- reductions over `lanes` threads that stand side by side: a part of a warp, or the whole block

constexpr unsigned whole_warp = 0xFFFFFFFFu;
constexpr int block_threads = 256;

// A sum with what its additions lost beside it (Knuth's TwoSum).
template <typename A>
struct ExactSum {
    A total, lost;
    __device__ void add(A value) {
        const A sum = total + value, seen = sum - total;
        lost += (total - (sum - seen)) + (value - seen);
        total = sum;
    }
    __device__ void add(const ExactSum& other) {
        add(other.total);
        lost += other.lost;
    }
    // Divided by n and rounded, nearly always as the exact quotient would be.
    __device__ A mean(A n) const {
        const A first = total / n;
        return first + (fma_of(-first, n, total) + lost) / n;
    }
};
template <typename A>
__device__ __forceinline__ ExactSum<A> shuffled(const ExactSum<A>& sum, int mask) {
    return {__shfl_xor_sync(whole_warp, sum.total, mask), __shfl_xor_sync(whole_warp, sum.lost, mask)};
}
__device__ __forceinline__ float shuffled(float value, int mask) {
    return __shfl_xor_sync(whole_warp, value, mask);
}
__device__ __forceinline__ double shuffled(double value, int mask) {
    return __shfl_xor_sync(whole_warp, value, mask);
}

template <typename A>
struct Add {
    __device__ void operator()(A& to, A value) const { to += value; }
};
template <typename A>
struct Add<ExactSum<A>> {
    __device__ void operator()(ExactSum<A>& to, const ExactSum<A>& value) const { to.add(value); }
};

// The sum of every thread's value, the same bits in all of them. lanes: 32, or block_threads with all of the
// block's threads taking part.
template <int lanes, typename V>
__device__ V sum_over(V value) {
    static_assert(lanes == 32 || lanes == block_threads);
    constexpr int warps = lanes / 32;
    DEADSCOPE_UNROLL
    for (int mask = 16; mask > 0; mask /= 2) Add<V>{}(value, shuffled(value, mask));
    if constexpr (warps > 1) {
        __shared__ V of_warp[warps];
        __syncthreads();  // the sum before this one has been read
        if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
        __syncthreads();
        value = of_warp[0];
        for (int warp = 1; warp < warps; ++warp) Add<V>{}(value, of_warp[warp]);
    }
    return value;
}

// ---- launches

template <typename... Expected, typename... Actual>
void launch(cudaStream_t stream, dim3 grid, dim3 block, const char* what, void (*kernel)(Expected...),
            Actual&&... arguments) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.stream = stream;
    check(cudaLaunchKernelEx(&config, kernel, std::forward<Actual>(arguments)...), what);
}

// f.template run<width>(row, col) for every pack of every row.
template <int width, typename F>
__global__ void __launch_bounds__(block_threads) each_pack(F f, std::size_t rows, std::size_t cols) {
    const std::size_t row_step = std::size_t{gridDim.y} * blockDim.y;
    const std::size_t col_step = std::size_t{gridDim.x} * blockDim.x * width;
    for (std::size_t row = std::size_t{blockIdx.y} * blockDim.y + threadIdx.y; row < rows; row += row_step) {
        std::size_t col = (std::size_t{blockIdx.x} * blockDim.x + threadIdx.x) * width;
        for (; col < cols; col += col_step) f.template run<width>(row, col);
    }
}

template <int width, typename F>
void launch_each(cudaStream_t stream, std::size_t rows, std::size_t cols, const char* what, const F& f) {
    if (rows == 0 || cols == 0) return;
    constexpr std::size_t most_across = 64, most_down = 4096;  // enough for any card; CUDA ends at 65535
    const std::size_t across = (cols + width - 1) / width;
    unsigned wide = 1;
    while (wide < static_cast<unsigned>(block_threads) && wide < across) wide *= 2;
    const unsigned high = static_cast<unsigned>(block_threads) / wide;
    const dim3 grid(static_cast<unsigned>(std::min(most_across, (across + wide - 1) / wide)),
                    static_cast<unsigned>(std::min(most_down, (rows + high - 1) / high)));
    launch(stream, grid, dim3(wide, high), what, each_pack<width, F>, f, rows, cols);
}

}  // namespace deadscope::cuda

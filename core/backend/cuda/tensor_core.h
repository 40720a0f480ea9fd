// The one instruction of tensor cores that the kernels use, and how its operands lie in a warp. For .cu files
// only. PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type": of lane l, g = l / 4, t = l %
// 4,
//     a[0..3]: rows g, g + 8, g, g + 8 at columns 2t, 2t, 2t + 8, 2t + 8, and the column behind each
//     b[0..1]: column g at rows 2t, 2t + 8, and the row behind each
//     d[0..3]: row g at columns 2t, 2t + 1, then row g + 8 at the same
#pragma once

#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {

constexpr int tensor_core_generation = 8;  // compute capability from which on the instruction exists

// Two neighbours as one register, the first in the low half.
template <typename T>
__device__ __forceinline__ std::uint32_t paired(T first, T second) {
    static_assert(sizeof(T) == 2);
    std::uint16_t low, high;
    memcpy(&low, &first, sizeof(low));
    memcpy(&high, &second, sizeof(high));
    return static_cast<std::uint32_t>(high) << 16 | low;
}

// d [16, 8] += a [16, 16] b [16, 8] in float, of __half or __nv_bfloat16; all lanes of the warp together.
template <typename T>
__device__ __forceinline__ void multiply_add(float (&d)[4], const std::uint32_t (&a)[4],
                                             const std::uint32_t (&b)[2]) {
#if !defined(__CUDACC__)
    deadscope_emulation::mma_m16n8k16<T>(d, a, b);
#elif __CUDA_ARCH__ >= 800
    if constexpr (std::is_same_v<T, __half>) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
            "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
            "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
#else
    __trap();  // attention.cu asks for the generation first
#endif
}

}  // namespace deadscope::cuda

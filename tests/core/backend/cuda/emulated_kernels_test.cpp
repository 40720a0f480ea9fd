// Kernels under the emulation of CUDA: indices, barriers, shuffles, atomics, shared memory, and what is
// reported where a device would hang.
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "tests/core/backend/cuda/emulated.h"

namespace deadscope::testing {
namespace {

using EmulatedKernel = Emulation;

__global__ void write_indices(unsigned* out) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

TEST_F(EmulatedKernel, EveryThreadOfEveryBlockRunsOnce) {
    const Buffer<unsigned> out(3 * 2 * 2 * 60);
    ASSERT_EQ(run(stream_, dim3(3, 2, 2), dim3(5, 4, 3), 0, write_indices, out.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<unsigned> values = out.values();
    for (unsigned i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], i / 60 * 1000 + i % 60);
    EXPECT_EQ(emu::counters().launches, 1u);
    EXPECT_EQ(emu::counters().blocks, 12u);
}

// Reverses each block's part through shared memory; a barrier that did not hold would give zeros or garbage.
__global__ void reverse_blocks(float* data) {
    __shared__ float tile[256];
    const unsigned i = blockIdx.x * 256 + threadIdx.x;
    for (int round = 0; round < 3; ++round) {
        tile[threadIdx.x] = data[i];
        __syncthreads();
        data[i] = tile[255 - threadIdx.x];
        __syncthreads();
    }
}

TEST_F(EmulatedKernel, ABarrierHoldsTheWholeBlock) {
    std::vector<float> values(64 * 256);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const Buffer<float> data(values);
    ASSERT_EQ(run(stream_, 64, 256, 0, reverse_blocks, data.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> reversed = data.values();
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(reversed[i], values[i / 256 * 256 + 255 - i % 256]);
}

// Element i of each lane's operands by PTX ISA's formulas ("Matrix Fragments for mma.m16n8k16").
__global__ void multiply_by_warp(const float* a, const float* b, float* d) {
    const unsigned lane = threadIdx.x % 32, group = lane / 4, member = lane % 4;
    std::uint32_t left[4] = {}, right[2] = {};
    for (unsigned i = 0; i < 8; ++i) {
        const unsigned row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
        const unsigned column = member * 2 + (i & 1) + (i >= 4 ? 8 : 0);
        const __half value(a[row * 16 + column]);
        left[i / 2] |= static_cast<std::uint32_t>(static_cast<__half_raw>(value).x) << (16 * (i & 1));
    }
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = member * 2 + (i & 1) + (i >= 2 ? 8 : 0);
        const __half value(b[row * 8 + group]);
        right[i / 2] |= static_cast<std::uint32_t>(static_cast<__half_raw>(value).x) << (16 * (i & 1));
    }
    float sums[4] = {1, 1, 1, 1};
    emu::mma_m16n8k16<__half>(sums, left, right);
    for (unsigned i = 0; i < 4; ++i) d[(i < 2 ? group : group + 8) * 8 + member * 2 + (i & 1)] = sums[i];
}

TEST_F(EmulatedKernel, AWarpMultipliesSmallMatrices) {
    std::vector<float> a(16 * 16), b(16 * 8);  // whole numbers: the sums are exact
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 7 % 61) - 30;
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i * 11 % 53) - 26;
    const Buffer<float> left(a), right(b), product(std::vector<float>(16 * 8));
    ASSERT_EQ(run(stream_, 1, 32, 0, multiply_by_warp, left.get(), right.get(), product.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> sums = product.values();
    for (std::size_t i = 0; i < sums.size(); ++i) {
        float expected = 1;
        for (std::size_t k = 0; k < 16; ++k) expected += a[i / 8 * 16 + k] * b[k * 8 + i % 8];
        EXPECT_EQ(sums[i], expected) << i;
    }
}

// Threads past the end return at once; the rest meet at the barrier.
__global__ void sum_with_early_return(const float* in, float* out, int count) {
    if (static_cast<int>(threadIdx.x) >= count) return;
    __shared__ float part[128];
    part[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
        float sum = 0;
        for (int i = 0; i < count; ++i) sum += part[i];
        *out = sum;
    }
}

TEST_F(EmulatedKernel, ThreadsThatReturnedAreNotWaitedFor) {
    const Buffer<float> in(std::vector<float>(100, 2.0f)), out(1);
    ASSERT_EQ(
        run(stream_, 1, 128, 0, sum_with_early_return, static_cast<const float*>(in.get()), out.get(), 100),
        cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(out.values()[0], 200.0f);
}

// One row for each lane: what it gets from xor 5, down 3, up 3, lane 7, each in segments of `width`.
__global__ void shuffles(int* out, int width) {
    const int lane = static_cast<int>(threadIdx.x);
    out[lane * 4] = __shfl_xor_sync(~0u, lane, 5, width);
    out[lane * 4 + 1] = __shfl_down_sync(~0u, lane, 3, width);
    out[lane * 4 + 2] = __shfl_up_sync(~0u, lane, 3, width);
    out[lane * 4 + 3] = __shfl_sync(~0u, lane, 7, width);
}

TEST_F(EmulatedKernel, ShufflesTakeTheLanesOfThePtxManual) {
    for (const int width : {32, 16, 8}) {
        const Buffer<int> out(32 * 4);
        ASSERT_EQ(run(stream_, 1, 32, 0, shuffles, out.get(), width), cudaSuccess);
        ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
        const std::vector<int> got = out.values();
        for (int lane = 0; lane < 32; ++lane) {
            const int within = lane % width, first = lane - within;
            const auto* row = &got[static_cast<std::size_t>(lane) * 4];
            EXPECT_EQ(row[0], lane ^ 5) << lane << " of " << width;
            EXPECT_EQ(row[1], within + 3 < width ? lane + 3 : lane) << lane << " of " << width;
            EXPECT_EQ(row[2], within >= 3 ? lane - 3 : lane) << lane << " of " << width;
            EXPECT_EQ(row[3], first + 7 % width) << lane << " of " << width;
        }
    }
}

__device__ double block_sum(double x) {
    __shared__ double part[32];
    for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(0xFFFFFFFFu, x, step);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;
    __syncthreads();
    double sum = 0;
    for (unsigned w = 0; w < blockDim.x / 32; ++w) sum += part[w];
    __syncthreads();
    return sum;
}
__global__ void sums(const double* in, double* out) {
    double x = in[blockIdx.x * blockDim.x + threadIdx.x];
    const double mean = block_sum(x) / blockDim.x;
    const double squares = block_sum((x - mean) * (x - mean));
    if (threadIdx.x == 0) out[blockIdx.x] = squares;
}

TEST_F(EmulatedKernel, BlockReductionsGiveTheSum) {
    std::vector<double> values(40 * 256);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * i % 1009);
    const Buffer<double> in(values), out(40);
    ASSERT_EQ(run(stream_, 40, 256, 0, sums, static_cast<const double*>(in.get()), out.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<double> got = out.values();
    for (std::size_t b = 0; b < 40; ++b) {
        double mean = 0, squares = 0;
        for (std::size_t i = 0; i < 256; ++i) mean += values[b * 256 + i] / 256;
        for (std::size_t i = 0; i < 256; ++i) squares += std::pow(values[b * 256 + i] - mean, 2);
        EXPECT_NEAR(got[b], squares, 256 * 1e-16 * squares) << b;  // n · eps of the sum
    }
}

// The two halves of a warp go different ways and meet by their own masks.
__global__ void diverged(int* out) {
    const unsigned lane = threadIdx.x % 32;
    int x = static_cast<int>(lane);
    if (lane < 16) {
        for (int step = 8; step > 0; step /= 2) x += __shfl_xor_sync(0x0000FFFFu, x, step);
    } else {
        x = __popc(__ballot_sync(0xFFFF0000u, lane % 3 == 0));
    }
    __syncwarp();
    out[threadIdx.x] = x + 1000 * __any_sync(~0u, lane == 5) + 2000 * __all_sync(~0u, lane < 31);
}

TEST_F(EmulatedKernel, LanesMeetByTheirMasks) {
    const Buffer<int> out(64);
    ASSERT_EQ(run(stream_, 1, 64, 0, diverged, out.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<int> got = out.values();
    for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(got[i], (i % 32 < 16 ? 120 : 5) + 1000) << i;
}

__global__ void add_all(float* sum, double* wide, unsigned* count, int* most, unsigned* bits) {
    atomicAdd(sum, 0.5f);
    atomicAdd(wide, 0.25);
    atomicAdd(count, 1u);
    atomicMax(most, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x));
    atomicOr(bits, 1u << threadIdx.x % 32);
}

TEST_F(EmulatedKernel, AtomicOperationsLoseNothing) {
    const Buffer<float> sum(std::vector<float>{0});
    const Buffer<double> wide(std::vector<double>{0});
    const Buffer<unsigned> count(std::vector<unsigned>{0}), bits(std::vector<unsigned>{0});
    const Buffer<int> most(std::vector<int>{-1});
    ASSERT_EQ(run(stream_, 100, 96, 0, add_all, sum.get(), wide.get(), count.get(), most.get(), bits.get()),
              cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(sum.values()[0], 4800.0f);
    EXPECT_EQ(wide.values()[0], 2400.0);
    EXPECT_EQ(count.values()[0], 9600u);
    EXPECT_EQ(most.values()[0], 9599);
    EXPECT_EQ(bits.values()[0], ~0u);
}

__global__ void use_dynamic(float* out) {
    auto* const tile = static_cast<float*>(emu::dynamic_shared());
    const bool fresh = std::isnan(tile[threadIdx.x]);
    tile[threadIdx.x] = static_cast<float>(threadIdx.x);
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = fresh ? tile[blockDim.x - 1 - threadIdx.x] : -1.0f;
}

TEST_F(EmulatedKernel, DynamicSharedMemoryIsTheBlocksOwnAndBounded) {
    const Buffer<float> out(8 * 64);
    ASSERT_EQ(run(stream_, 8, 64, 64 * sizeof(float), use_dynamic, out.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> got = out.values();
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], static_cast<float>(63 - i % 64));

    EXPECT_EQ(run(stream_, 1, 64, 49 * 1024, use_dynamic, out.get()), cudaErrorInvalidValue);
    EXPECT_EQ(cudaFuncSetAttribute(use_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 200 * 1024),
              cudaErrorInvalidValue);  // more than an sm_86 has
    EXPECT_EQ(cudaFuncSetAttribute(use_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024),
              cudaSuccess);
    EXPECT_EQ(run(stream_, 1, 64, 49 * 1024, use_dynamic, out.get()), cudaSuccess);
    EXPECT_EQ(run(stream_, 1, 1025, 0, use_dynamic, out.get()), cudaErrorInvalidConfiguration);
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

__global__ void barrier_for_some(int* out) {
    if (threadIdx.x < 17) __syncthreads();
    out[threadIdx.x] = __shfl_sync(0xFFFFFFFFu, 1, 0);
}
__global__ void two_barriers(int* out) {
    if (threadIdx.x < 16) {
        __syncthreads();
    } else {
        out[0] = 1;
        __syncthreads();
    }
}
__global__ void lane_not_in_mask(int* out) {
    out[threadIdx.x] = __shfl_sync(1u, 1, 0);
}

using EmulatedKernelDeath = Emulation;

TEST_F(EmulatedKernelDeath, ADivergentBarrierIsNamed) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Buffer<int> out(64);
    const auto dies = [&](void (*kernel)(int*)) {
        run(stream_, 1, 32, 0, kernel, out.get());
        cudaStreamSynchronize(stream_);
    };
    EXPECT_DEATH(dies(barrier_for_some),
                 "17 wait at the barrier .*emulated_kernels_test.cpp:[0-9]+ .*barrier_for_some");
    EXPECT_DEATH(dies(barrier_for_some), "15 of warp 0 wait for 17 more lanes");
    EXPECT_DEATH(dies(two_barriers), "different barriers");
    EXPECT_DEATH(dies(lane_not_in_mask), "not in the mask");
    EXPECT_DEATH(__syncthreads(), "outside of a kernel");
}

}  // namespace
}  // namespace deadscope::testing

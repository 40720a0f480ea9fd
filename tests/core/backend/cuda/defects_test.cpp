// Kernels with a defect each, which the sanitizers must find under emulation: the proof that a clean run of
// the others says something. Built with a sanitizer only.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/emulation/emulation.h"

namespace deadscope::testing {
namespace {

constexpr int count = 64;

void run(cudaStream_t stream, unsigned blocks, void (*kernel)(float*), float* data) {
    const cudaLaunchConfig_t config{blocks, count, 0, stream, nullptr, 0};
    if (cudaLaunchKernelEx(&config, kernel, data) != cudaSuccess) std::abort();
}

float* memory() {
    float* data = nullptr;
    if (cudaMalloc(&data, count * sizeof(float)) != cudaSuccess) std::abort();
    return data;
}

class Defects : public ::testing::Test {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        deadscope_emulation::reset();
    }
};

#if defined(__SANITIZE_ADDRESS__)

__global__ void past_the_end(float* data) {
    data[threadIdx.x + 1] = 1;
}
__global__ void past_shared(float* data) {
    __shared__ float tile[count];
    float* const at = tile + threadIdx.x;
    at[1] = 1;
    __syncthreads();
    data[threadIdx.x] = *at;
}
__global__ void misplaced(float* data) {
    *reinterpret_cast<float4*>(data + 1) = make_float4(1, 2, 3, 4);
}

void finish(void (*kernel)(float*)) {
    run(nullptr, 1, kernel, memory());
    cudaDeviceSynchronize();
}

TEST_F(Defects, OutOfBoundsAndMisplacedAccessesAreFound) {
    EXPECT_DEATH(finish(past_the_end), "heap-buffer-overflow");
    EXPECT_DEATH(finish(past_shared), "insufficient space|global-buffer-overflow");
    EXPECT_DEATH(finish(misplaced), "misaligned address");
}

TEST_F(Defects, PinnedMemoryThatIsGivenBackEarlyIsFound) {
    const auto give_back = [] {
        float *data = memory(), *pinned = nullptr;
        cudaMallocHost(&pinned, count * sizeof(float));
        cudaFreeHost(pinned);
        *pinned = 1;
        cudaFree(data);
    };
    EXPECT_DEATH(give_back(), "heap-use-after-free");
}

#endif
#if defined(__SANITIZE_THREAD__)

constexpr int race = 66;  // the thread sanitizer's exit status where it has reported

__global__ void without_barrier(float* data) {
    __shared__ float tile[count];
    tile[threadIdx.x] = data[threadIdx.x];
    data[threadIdx.x] = tile[count - 1 - threadIdx.x];
}
__global__ void without_second_barrier(float* data) {
    __shared__ float tile[count];
    for (int i = 0; i < 2; ++i) {
        tile[threadIdx.x] = data[threadIdx.x];
        __syncthreads();
        data[threadIdx.x] = tile[count - 1 - threadIdx.x];
    }
}
__global__ void without_atomics(float* data) {
    if (threadIdx.x == 0) data[0] += 1;
}
__global__ void add_one(float* data) {
    data[threadIdx.x] += 1;
}
// Lanes exchange values in registers, which orders nothing in memory.
__global__ void shuffle_is_no_barrier(float* data) {
    __shared__ float tile[count];
    tile[threadIdx.x] = data[threadIdx.x];
    const float other = __shfl_xor_sync(0xFFFFFFFFu, data[threadIdx.x], 1);
    data[threadIdx.x] = other + tile[threadIdx.x ^ 1];
}
__global__ void warp_barrier_is_one(float* data) {
    __shared__ float tile[count];
    tile[threadIdx.x] = data[threadIdx.x];
    __syncwarp();
    data[threadIdx.x] = tile[threadIdx.x ^ 1];
}

[[noreturn]] void finish(unsigned blocks, void (*kernel)(float*)) {
    float* const data = memory();
    run(nullptr, blocks, kernel, data);
    cudaDeviceSynchronize();
    cudaFree(data);
    std::exit(0);
}

TEST_F(Defects, RacesInAKernelAreFound) {
    EXPECT_EXIT(finish(1, without_barrier), ::testing::ExitedWithCode(race), "data race.*without_barrier");
    EXPECT_EXIT(finish(1, without_second_barrier), ::testing::ExitedWithCode(race), "without_second_barrier");
    EXPECT_EXIT(finish(1, shuffle_is_no_barrier), ::testing::ExitedWithCode(race), "shuffle_is_no_barrier");
    EXPECT_EXIT(finish(2, without_atomics), ::testing::ExitedWithCode(race), "without_atomics");
    EXPECT_EXIT(finish(1, add_one), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(finish(4, warp_barrier_is_one), ::testing::ExitedWithCode(race),
                "");  // the blocks share the data
    EXPECT_EXIT(finish(1, warp_barrier_is_one), ::testing::ExitedWithCode(0), "");
}

// Two streams on the same memory, with an event between them or without.
[[noreturn]] void two_streams(bool ordered) {
    cudaStream_t first = nullptr, second = nullptr;
    cudaEvent_t done = nullptr;
    cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaEventCreate(&done);
    float* const data = memory();
    run(first, 1, add_one, data);
    cudaEventRecord(done, first);
    if (ordered) cudaStreamWaitEvent(second, done, 0);
    run(second, 1, add_one, data);
    cudaDeviceSynchronize();
    cudaFree(data);
    std::exit(0);
}

// The host writes pinned memory that a copy may still be reading.
[[noreturn]] void early_host(bool ordered) {
    cudaStream_t stream = nullptr;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    float *const data = memory(), *pinned = nullptr;
    cudaMallocHost(&pinned, count * sizeof(float));
    pinned[0] = 1;
    cudaMemcpyAsync(data, pinned, count * sizeof(float), cudaMemcpyHostToDevice, stream);
    cudaMemsetAsync(data, 0, count * sizeof(float), stream);  // another call is no synchronisation
    if (ordered) cudaStreamSynchronize(stream);
    pinned[0] = 2;
    cudaDeviceSynchronize();
    std::exit(0);
}

TEST_F(Defects, MissingEventsAndSynchronisationsAreFound) {
    EXPECT_EXIT(two_streams(false), ::testing::ExitedWithCode(race), "data race.*add_one");
    EXPECT_EXIT(two_streams(true), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(early_host(false), ::testing::ExitedWithCode(race), "data race");
    EXPECT_EXIT(early_host(true), ::testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace deadscope::testing

#endif

// The runtime under the emulation of CUDA: streams, events, copies, memory, errors and the 16-bit types, as
// the toolkit promises them, and the failures that tests may ask for.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "tests/core/backend/cuda/emulated.h"

namespace deadscope::testing {
namespace {

__global__ void add_one(float* data, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < count) data[i] += 1.0f;
}

TEST_F(Emulation, AStreamKeepsItsOrderAndStreamsRunBesideEachOther) {
    cudaStream_t other = nullptr;
    ASSERT_EQ(cudaStreamCreateWithPriority(&other, cudaStreamNonBlocking, 0), cudaSuccess);
    const Buffer<float> data(std::vector<float>(1000, 0.0f));
    for (int i = 0; i < 50; ++i) ASSERT_EQ(run(stream_, 4, 256, 0, add_one, data.get(), 1000), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(data.values()[999], 50.0f);

    // One stream waits for what the other does: only threads of their own let both end.
    std::atomic<bool> opened{false};
    const auto wait = [](void* flag) {
        while (!static_cast<std::atomic<bool>*>(flag)->load()) std::this_thread::yield();
    };
    const auto open = [](void* flag) { static_cast<std::atomic<bool>*>(flag)->store(true); };
    ASSERT_EQ(cudaLaunchHostFunc(stream_, wait, &opened), cudaSuccess);
    EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
    ASSERT_EQ(cudaLaunchHostFunc(other, open, &opened), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamQuery(stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(other), cudaErrorInvalidResourceHandle);
}

TEST_F(Emulation, EventsOrderStreams) {
    cudaStream_t copies = nullptr;
    cudaEvent_t ready = nullptr, done = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaEventCreate(&ready), cudaSuccess);
    ASSERT_EQ(cudaEventCreate(&done), cudaSuccess);
    float* pinned = nullptr;
    ASSERT_EQ(cudaMallocHost(&pinned, 1000 * sizeof(float)), cudaSuccess);
    const Buffer<float> data(1000);
    for (int round = 0; round < 20; ++round) {
        // The memory may be written again once the last round's kernel is done, which the copies must wait
        // for.
        ASSERT_EQ(cudaEventSynchronize(done), cudaSuccess);
        for (int i = 0; i < 1000; ++i) pinned[i] = static_cast<float>(round * 1000 + i);
        ASSERT_EQ(cudaStreamWaitEvent(copies, done, 0), cudaSuccess);
        ASSERT_EQ(cudaMemcpyAsync(data.get(), pinned, 4000, cudaMemcpyHostToDevice, copies), cudaSuccess);
        ASSERT_EQ(cudaEventRecord(ready, copies), cudaSuccess);
        ASSERT_EQ(cudaStreamWaitEvent(stream_, ready, 0), cudaSuccess);
        ASSERT_EQ(run(stream_, 4, 256, 0, add_one, data.get(), 1000), cudaSuccess);
        ASSERT_EQ(cudaEventRecord(done, stream_), cudaSuccess);
    }
    ASSERT_EQ(cudaEventSynchronize(done), cudaSuccess);
    EXPECT_EQ(cudaEventQuery(done), cudaSuccess);
    EXPECT_EQ(data.values()[7], 19008.0f);
    float milliseconds = -1;
    EXPECT_EQ(cudaEventElapsedTime(&milliseconds, ready, done), cudaSuccess);
    EXPECT_GE(milliseconds, 0.0f);
    EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(ready), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(done), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(copies), cudaSuccess);
}

TEST_F(Emulation, CopiesAreCheckedAgainstTheMemoryTheyTouch) {
    const Buffer<float> data(100);
    std::vector<float> host(200, 1.0f);
    EXPECT_TRUE(std::isnan(data.values()[0]));  // memory begins as no number
    EXPECT_EQ(cudaMemcpyAsync(data.get(), host.data(), 404, cudaMemcpyHostToDevice, stream_),
              cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpyAsync(data.get(), host.data(), 4, cudaMemcpyDeviceToHost, stream_),
              cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpyAsync(host.data() + 1, host.data(), 4, cudaMemcpyDeviceToDevice, stream_),
              cudaErrorInvalidValue);
    EXPECT_EQ(cudaMemcpy2DAsync(data.get(), 8, host.data(), 12, 12, 3, cudaMemcpyHostToDevice, stream_),
              cudaErrorInvalidPitchValue);
    EXPECT_EQ(cudaMemsetAsync(data.get() + 50, 0, 204, stream_), cudaErrorInvalidValue);
    // Two columns of each of ten rows of five.
    EXPECT_EQ(cudaMemsetAsync(data.get(), 0, 400, stream_), cudaSuccess);
    EXPECT_EQ(cudaMemcpy2DAsync(data.get() + 3, 20, host.data(), 8, 8, 10, cudaMemcpyHostToDevice, stream_),
              cudaSuccess);
    EXPECT_EQ(cudaMemset2DAsync(data.get(), 20, 0xFF, 4, 2, stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> got = data.values();
    for (std::size_t i = 0; i < 100; ++i) {
        if (i == 0 || i == 5) {
            EXPECT_TRUE(std::isnan(got[i])) << i;
        } else {
            EXPECT_EQ(got[i], i < 50 && i % 5 >= 3 ? 1.0f : 0.0f) << i;
        }
    }
    EXPECT_EQ(cudaFree(data.get() + 1), cudaErrorInvalidValue);
}

// A copy from pageable memory is done with it when the call returns, as the runtime promises.
TEST_F(Emulation, PageableMemoryIsCopiedAside) {
    emu::delay_launches(std::chrono::milliseconds(20));
    const Buffer<float> data(std::vector<float>(256, 0.0f));
    ASSERT_EQ(run(stream_, 1, 256, 0, add_one, data.get(), 256), cudaSuccess);
    {
        std::vector<float> host(256, 5.0f);
        ASSERT_EQ(cudaMemcpyAsync(data.get(), host.data(), 1024, cudaMemcpyHostToDevice, stream_),
                  cudaSuccess);
        host.assign(256, 9.0f);
    }
    std::vector<float> back(256);
    ASSERT_EQ(cudaMemcpyAsync(back.data(), data.get(), 1024, cudaMemcpyDeviceToHost, stream_), cudaSuccess);
    EXPECT_EQ(back[255], 5.0f);
}

TEST_F(Emulation, TheDefaultStreamWaitsForBlockingStreams) {
    cudaStream_t blocking = nullptr;
    ASSERT_EQ(cudaStreamCreate(&blocking), cudaSuccess);
    emu::delay_launches(std::chrono::milliseconds(5));
    const Buffer<float> data(std::vector<float>(256, 0.0f));
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(run(blocking, 1, 256, 0, add_one, data.get(), 256), cudaSuccess);
        ASSERT_EQ(run(nullptr, 1, 256, 0, add_one, data.get(), 256), cudaSuccess);
    }
    EXPECT_EQ(data.values()[3], 6.0f);
    EXPECT_EQ(cudaStreamDestroy(blocking), cudaSuccess);
}

TEST_F(Emulation, MemoryRunsOutWhereTheTestSaysSo) {
    emu::limit_memory(1 << 20);
    void *first = nullptr, *second = nullptr;
    EXPECT_EQ(cudaMalloc(&first, 1 << 19), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&second, (1 << 19) + 1), cudaErrorMemoryAllocation);
    EXPECT_EQ(second, nullptr);
    EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    EXPECT_EQ(free, std::size_t{1} << 19);
    EXPECT_EQ(total, std::size_t{1} << 20);
    emu::fail_next(emu::Call::allocate, cudaErrorMemoryAllocation, 1);
    EXPECT_EQ(cudaMalloc(&second, 8), cudaSuccess);
    EXPECT_EQ(cudaFree(second), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&second, 8), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaMalloc(&second, 8), cudaSuccess);
    EXPECT_EQ(cudaFree(second), cudaSuccess);
    EXPECT_EQ(cudaFree(first), cudaSuccess);
}

TEST_F(Emulation, ALostContextStaysLostUntilReset) {
    const Buffer<float> data(std::vector<float>(256, 0.0f));
    emu::fail_next(emu::Call::launch, cudaErrorIllegalAddress);
    EXPECT_EQ(run(stream_, 1, 256, 0, add_one, data.get(), 256), cudaSuccess);  // shows later
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
    EXPECT_EQ(run(stream_, 1, 256, 0, add_one, data.get(), 256), cudaErrorIllegalAddress);
    void* more = nullptr;
    EXPECT_EQ(cudaMalloc(&more, 8), cudaErrorIllegalAddress);
    EXPECT_STREQ(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress");
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
    EXPECT_EQ(data.values()[0], 0.0f);
}

__global__ void nothing() {}

TEST_F(Emulation, TheMachineIsWhatTheTestSays) {
    int count = -1;
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    EXPECT_EQ(count, 1);
    emu::set_device_count(0);
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
    emu::set_device_count(2);
    emu::set_compute_capability(7, 5);
    EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
    EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
    cudaDeviceProp properties;
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 1), cudaSuccess);
    EXPECT_EQ(properties.major * 10 + properties.minor, 75);
    EXPECT_EQ(properties.sharedMemPerBlockOptin, 64u * 1024);
    EXPECT_EQ(run(stream_, 1, 1, 0, nothing),
              cudaErrorInvalidResourceHandle);  // a stream of device 0
    emu::set_driver_version(11080);
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
}

TEST_F(Emulation, SixteenBitTypesRoundToNearestEven) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto b = static_cast<unsigned short>(bits);
        const float h = __half2float(__ushort_as_half(b)), f = __bfloat162float(__ushort_as_bfloat16(b));
        if (!std::isnan(h)) {
            ASSERT_EQ(__half_as_ushort(__float2half_rn(h)), b);
        }
        if (!std::isnan(f)) {
            ASSERT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(f)), b);
        }
        // Halfway to the next one: the even one; a hair to either side: the nearer one.
        if (bits % 0x8000 >= 0x7BFF || bits >= 0x8000) continue;
        const float next = __half2float(__ushort_as_half(static_cast<unsigned short>(b + 1)));
        const float middle = h / 2 + next / 2;
        ASSERT_EQ(__half_as_ushort(__float2half_rn(middle)), b + (b & 1)) << b;
        ASSERT_EQ(__half_as_ushort(__float2half_rn(std::nextafter(middle, 0.0f))), b) << b;
        ASSERT_EQ(__half_as_ushort(__float2half_rn(std::nextafter(middle, 1e9f))), b + 1) << b;
        const float brain_middle = std::bit_cast<float>((bits << 16) + 0x8000u);
        ASSERT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(brain_middle)), b + (b & 1)) << b;
    }
    EXPECT_EQ(__half_as_ushort(__float2half_rn(65519.0f)), 0x7BFF);
    EXPECT_EQ(__half_as_ushort(__float2half_rn(-65520.0f)), 0xFC00);
    EXPECT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(std::numeric_limits<float>::max())), 0x7F80);
    EXPECT_EQ(__half_as_ushort(__double2half(1.0 + 0x1p-11 + 0x1p-40)), 0x3C01);  // rounded once
}

}  // namespace
}  // namespace deadscope::testing

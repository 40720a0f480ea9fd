// The emulation of CUDA that the CUDA backend is tested under: it must do what the toolkit promises, and find
// what a device would do wrong silently.
#include "tests/emulation/emulation.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace deadscope::testing {
namespace {

namespace emu = deadscope_emulation;

template <typename... Expected, typename... Actual>
cudaError_t run(cudaStream_t stream, dim3 grid, dim3 block, std::size_t shared, void (*kernel)(Expected...),
                Actual... arguments) {
    const cudaLaunchConfig_t config{grid, block, shared, stream, nullptr, 0};
    return cudaLaunchKernelEx(&config, kernel, arguments...);
}

// Device memory of some elements for one test.
template <typename T>
class Buffer {
public:
    explicit Buffer(std::size_t count) : count_(count) {
        EXPECT_EQ(cudaMalloc(&pointer_, count * sizeof(T)), cudaSuccess);
    }
    explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
        EXPECT_EQ(cudaMemcpy(pointer_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
                  cudaSuccess);
    }
    ~Buffer() { cudaFree(pointer_); }
    T* get() const { return pointer_; }
    std::vector<T> values() const {
        std::vector<T> result(count_);
        EXPECT_EQ(cudaMemcpy(result.data(), pointer_, count_ * sizeof(T), cudaMemcpyDeviceToHost),
                  cudaSuccess);
        return result;
    }

private:
    std::size_t count_;
    T* pointer_ = nullptr;
};

class Emulation : public ::testing::Test {
protected:
    void SetUp() override {
        emu::reset();
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    }
    void TearDown() override {
        cudaStreamDestroy(stream_);
        emu::reset();
        EXPECT_EQ(emu::counters().allocations, 0u);
        EXPECT_EQ(emu::counters().pinned_bytes, 0u);
        EXPECT_EQ(emu::counters().streams, 0u);
        EXPECT_EQ(emu::counters().events, 0u);
    }
    cudaStream_t stream_ = nullptr;
};

__global__ void write_indices(unsigned* out) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

TEST_F(Emulation, EveryThreadOfEveryBlockRunsOnce) {
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

TEST_F(Emulation, ABarrierHoldsTheWholeBlock) {
    std::vector<float> values(64 * 256);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const Buffer<float> data(values);
    ASSERT_EQ(run(stream_, 64, 256, 0, reverse_blocks, data.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    const std::vector<float> reversed = data.values();
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(reversed[i], values[i / 256 * 256 + 255 - i % 256]);
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

TEST_F(Emulation, ThreadsThatReturnedAreNotWaitedFor) {
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

TEST_F(Emulation, ShufflesTakeTheLanesOfThePtxManual) {
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

TEST_F(Emulation, BlockReductionsGiveTheSum) {
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

TEST_F(Emulation, LanesMeetByTheirMasks) {
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

TEST_F(Emulation, AtomicOperationsLoseNothing) {
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

TEST_F(Emulation, DynamicSharedMemoryIsTheBlocksOwnAndBounded) {
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

using EmulationDeath = Emulation;

TEST_F(EmulationDeath, ADivergentBarrierIsNamed) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Buffer<int> out(64);
    const auto dies = [&](void (*kernel)(int*)) {
        run(stream_, 1, 32, 0, kernel, out.get());
        cudaStreamSynchronize(stream_);
    };
    EXPECT_DEATH(dies(barrier_for_some),
                 "17 wait at the barrier .*emulation_test.cpp:[0-9]+ .*barrier_for_some");
    EXPECT_DEATH(dies(barrier_for_some), "15 of warp 0 wait for 17 more lanes");
    EXPECT_DEATH(dies(two_barriers), "different barriers");
    EXPECT_DEATH(dies(lane_not_in_mask), "not in the mask");
    EXPECT_DEATH(__syncthreads(), "outside of a kernel");
}

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
    EXPECT_EQ(run(stream_, 1, 1, 0, write_indices, static_cast<unsigned*>(nullptr)),
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

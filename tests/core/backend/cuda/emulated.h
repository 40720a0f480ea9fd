// What the tests of the emulation share: launches, device memory, and a stream that leaves nothing behind.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "tests/emulation/emulation.h"

namespace deadscope::testing {

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

}  // namespace deadscope::testing

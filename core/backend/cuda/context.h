// What the parts of one CUDA backend share: its device, two streams, memory, and the ways in. The operations
// themselves are cuda_backend.cpp's.
#pragma once

#include <cstring>
#include <memory>
#include <span>

#include "core/backend/backend.h"
#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/memory_pool.h"
#include "core/backend/cuda/throttle.h"

namespace deadscope::cuda {

// A matrix's memory. Thread rule: as MemoryPool.
class CudaStorage final : public Storage {
public:
    explicit CudaStorage(DeviceMemory memory) : memory_(std::move(memory)) {}
    std::byte* data() const { return memory_.as<std::byte>(); }

private:
    DeviceMemory memory_;
};

// Two halves of pinned memory and their like on the device, filled in turn: while one is on its way, the host
// writes the other. Thread rule: one thread at a time.
class Staging {
public:
    struct Room {
        std::byte* host = nullptr;
        std::byte* device = nullptr;
    };
    Staging(std::shared_ptr<MemoryPool> pool, cudaStream_t stream, std::size_t half_bytes)
        : pool_(std::move(pool)), stream_(stream), half_(half_bytes) {}

    std::size_t most() const { return half_; }  // bytes of one room
    // Waits where both halves are on their way. What lay in a room is used up, or queued on the stream to be
    // used, before the next one is taken.
    Room take(std::size_t bytes);
    // What was written to the room's host side, to its device side.
    void send(const Room& room, std::size_t bytes);

private:
    std::shared_ptr<MemoryPool> pool_;
    cudaStream_t stream_;
    std::size_t half_;
    std::unique_ptr<PinnedMemory> host_;  // [2, half_], made at first use
    DeviceMemory device_;
    Event sent_[2];
    bool busy_[2] = {false, false};
    std::size_t at_ = 0, filled_ = 0;  // the half at work, and its bytes given out
};

// Thread rule: one thread at a time, on which the device is made current by begin() and use().
class Context {
public:
    Context(int device, Precision precision);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    int device() const { return device_; }
    Element element() const { return element_; }
    std::size_t element_bytes() const { return cuda::element_bytes(element_); }
    cudaStream_t compute() const { return compute_.get(); }
    cudaStream_t copy() const { return copy_.get(); }
    const std::shared_ptr<MemoryPool>& pool() const { return pool_; }
    Staging& staging() { return staging_; }

    void use() const { check(cudaSetDevice(device_), "it was chosen"); }
    // Before an operation on the compute stream: waits while too much is queued.
    Launch begin(const Cost& cost);
    Launch begin(const Matrix& written) { return begin({.bytes = 2.0 * bytes_of(written)}); }
    // The host is about to do something else for a while.
    void pause() { throttle_.pause(); }
    // Waits until all that is queued on the compute stream is done.
    void wait();

    Matrix allocate(std::size_t rows, std::size_t cols, cudaStream_t stream);
    View view(const Matrix& matrix) const;
    double bytes_of(const Matrix& matrix) const {
        return static_cast<double>(matrix.rows) * static_cast<double>(matrix.cols) *
               static_cast<double>(element_bytes());
    }
    DeviceMemory scratch(std::size_t bytes) { return {pool_, bytes, compute()}; }

    // The values on the device, for what is queued on the compute stream next.
    template <typename T>
    DeviceMemory upload(std::span<const T> values) {
        DeviceMemory to = scratch(values.size_bytes());
        send(std::as_bytes(values), to.template as<std::byte>());
        return to;
    }
    void send(std::span<const std::byte> from, std::byte* to);  // on the compute stream

private:
    int device_;
    Element element_;
    Stream compute_, copy_;
    std::shared_ptr<MemoryPool> pool_;
    Staging staging_;
    Throttle throttle_;
    Event idle_;
};

}  // namespace deadscope::cuda

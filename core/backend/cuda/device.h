// Streams, events and pinned memory as values that give themselves back. Device memory is memory_pool.h's.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <utility>

#include "core/backend/cuda/errors.h"

namespace deadscope::cuda {

// Every class here belongs to the device that is current when it is made. Thread rule: one thread at a time.
class Stream {
public:
    // Of the lowest priority: the GPU may be the one that draws the window, whose work goes first.
    Stream() {
        int least = 0, greatest = 0;
        check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "its streams were asked for");
        check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, least), "a stream was made");
    }
    ~Stream() { (void)cudaStreamDestroy(stream_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    cudaStream_t get() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

class Event {
public:
    Event() {
        // A host thread that waits sleeps: its core is the window's.
        check(cudaEventCreateWithFlags(&event_, cudaEventBlockingSync), "an event was made");
    }
    ~Event() {
        if (event_ != nullptr) (void)cudaEventDestroy(event_);
    }
    Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
    Event& operator=(Event&& other) noexcept {
        std::swap(event_, other.event_);
        return *this;
    }

    void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "work was queued"); }
    bool done() const {
        const cudaError_t status = cudaEventQuery(event_);
        if (status == cudaErrorNotReady) return false;
        check(status, "it computed");
        return true;
    }
    void wait() const { check(cudaEventSynchronize(event_), "it computed"); }
    // Work queued on the stream from now on waits for this.
    void hold_back(cudaStream_t stream) const {
        check(cudaStreamWaitEvent(stream, event_, 0), "streams were joined");
    }
    cudaEvent_t get() const { return event_; }

private:
    cudaEvent_t event_ = nullptr;
};

// Host memory that the device copies from and to by itself.
class PinnedMemory {
public:
    explicit PinnedMemory(std::size_t bytes) {
        check(cudaMallocHost(&data_, bytes), "memory of the host was pinned");
    }
    ~PinnedMemory() { (void)cudaFreeHost(data_); }
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;
    std::byte* data() const { return static_cast<std::byte*>(data_); }

private:
    void* data_ = nullptr;
};

}  // namespace deadscope::cuda

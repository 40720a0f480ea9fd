// Device memory that is kept when it is let go: cudaMalloc and cudaFree wait for the whole device. Pieces
// come in size classes, and what a piece was last used for is known by an event.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "core/backend/cuda/device.h"

namespace deadscope::cuda {

// Thread rule: one thread at a time. Its streams outlive it, or nothing of it is taken any more.
class MemoryPool {
public:
    struct Piece {
        void* data = nullptr;
        std::size_t bytes = 0;  // of its class
    };

    // compute: the stream on which all pieces end their use.
    MemoryPool(int device, cudaStream_t compute) : device_(device), compute_(compute) {}
    ~MemoryPool();
    MemoryPool(const MemoryPool&) = delete;
    MemoryPool& operator=(const MemoryPool&) = delete;

    // At least `bytes`, aligned to 256, for first use on `stream`. On the compute stream, whose work is done
    // in order, any free piece will do. Another stream gets one that is at rest, or new memory; where there
    // is none, or much is kept, it waits (on the device) for a piece still in use. Errors: OutOfDeviceMemory.
    Piece take(std::size_t bytes, cudaStream_t stream);
    // Its last use has been queued on the compute stream. After an error of the device nothing is kept.
    void give_back(Piece piece) noexcept;
    // Free pieces go back to the device.
    void clear() noexcept;
    // No work is queued any more: pieces go back to the device at once from now on.
    void retire() noexcept;

    bool retired() const { return retired_; }
    std::size_t bytes_in_use() const { return in_use_; }
    std::size_t bytes_kept() const { return kept_; }

private:
    struct Free {
        void* data;
        Event last_use;
    };
    void* take_free(std::vector<Free>& free, cudaStream_t stream, bool wait);
    void* take_new(std::size_t bytes);

    int device_;
    cudaStream_t compute_;
    bool retired_ = false;
    std::map<std::size_t, std::vector<Free>> free_;  // by size class; the longest free first
    std::vector<Event> events_;                      // to be used again
    std::size_t in_use_ = 0, kept_ = 0;
};

// One piece of a pool, given back at the end. Thread rule: as MemoryPool.
class DeviceMemory {
public:
    DeviceMemory() = default;
    DeviceMemory(std::shared_ptr<MemoryPool> pool, std::size_t bytes, cudaStream_t stream)
        : pool_(std::move(pool)), piece_(pool_->take(bytes, stream)) {}
    ~DeviceMemory() { reset(); }
    DeviceMemory(DeviceMemory&& other) noexcept
        : pool_(std::move(other.pool_)), piece_(std::exchange(other.piece_, {})) {}
    DeviceMemory& operator=(DeviceMemory&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = std::move(other.pool_);
            piece_ = std::exchange(other.piece_, {});
        }
        return *this;
    }
    void reset() noexcept {
        if (piece_.data != nullptr) pool_->give_back(std::exchange(piece_, {}));
    }

    template <typename T>
    T* as() const {
        return static_cast<T*>(piece_.data);
    }
    std::size_t bytes() const { return piece_.bytes; }
    bool retired() const { return pool_ && pool_->retired(); }

private:
    std::shared_ptr<MemoryPool> pool_;
    MemoryPool::Piece piece_;
};

}  // namespace deadscope::cuda

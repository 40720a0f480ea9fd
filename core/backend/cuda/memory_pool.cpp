// See memory_pool.h.
#include "core/backend/cuda/memory_pool.h"

#include <algorithm>
#include <bit>
#include <string>

#include "core/backend/device_error.h"

namespace deadscope::cuda {
namespace {

constexpr std::size_t kSmallest = 512;
constexpr std::size_t kMostWaiting = 8,
                      kMostKept = 256u << 20;  // pieces of a class, bytes: enough to run ahead

// Eight classes between two powers of two: at most an eighth of a piece is not used.
std::size_t size_class(std::size_t bytes) {
    if (bytes > (std::size_t{1} << 62)) return bytes;  // no device has it; take() says so
    const std::size_t step = std::max(kSmallest, std::bit_floor(std::max<std::size_t>(bytes, 1)) / 8);
    return (std::max<std::size_t>(bytes, 1) + step - 1) / step * step;
}

}  // namespace

MemoryPool::~MemoryPool() {
    clear();
}

void* MemoryPool::take_free(std::vector<Free>& free, cudaStream_t stream, bool wait) {
    const auto fitting = std::ranges::find_if(
        free, [&](const Free& piece) { return stream == compute_ || wait || piece.last_use.done(); });
    if (fitting == free.end()) return nullptr;
    if (stream != compute_) fitting->last_use.hold_back(stream);
    void* data = fitting->data;
    events_.push_back(std::move(fitting->last_use));
    free.erase(fitting);
    return data;
}

void* MemoryPool::take_new(std::size_t bytes) {
    void* data = nullptr;
    const cudaError_t status = cudaMalloc(&data, bytes);
    if (status == cudaSuccess) return data;
    (void)cudaGetLastError();  // or it would be taken for the next launch's
    if (status != cudaErrorMemoryAllocation) check(status, "memory was asked for");
    return nullptr;
}

MemoryPool::Piece MemoryPool::take(std::size_t bytes, cudaStream_t stream) {
    const std::size_t size = size_class(bytes);
    std::vector<Free>& free = free_[size];
    const bool many = free.size() >= kMostWaiting || kept_ > kMostKept;
    void* data = take_free(free, stream, /*wait=*/many);
    if (data != nullptr) {
        kept_ -= size;
    } else if (data = take_new(size); data == nullptr) {
        if (data = take_free(free, stream, /*wait=*/true); data != nullptr) {
            kept_ -= size;
        } else {
            clear();
            data = take_new(size);
        }
    }
    if (data == nullptr) {
        std::size_t unused = 0, all = 0;
        (void)cudaMemGetInfo(&unused, &all);
        throw OutOfDeviceMemory(
            "the GPU has not enough memory for this",
            {.expected = std::to_string(bytes >> 20) + " MiB in one piece",
             .found = std::to_string(unused >> 20) + " MiB free of " + std::to_string(all >> 20) + ", " +
                      std::to_string(in_use_ >> 20) + " in use here",
             .hint = "use fewer tokens, a lower precision, or --device cpu"});
    }
    in_use_ += size;
    return {data, size};
}

void MemoryPool::give_back(Piece piece) noexcept {
    in_use_ -= piece.bytes;
    try {
        check(cudaSetDevice(device_), "it was chosen");
        if (!retired_) {
            if (events_.empty()) events_.emplace_back();
            events_.back().record(compute_);
            free_[piece.bytes].push_back({piece.data, std::move(events_.back())});
            events_.pop_back();
            kept_ += piece.bytes;
            return;
        }
    } catch (...) {
        // The device failed; the next call that may throw says so.
    }
    (void)cudaFree(piece.data);
}

void MemoryPool::clear() noexcept {
    (void)cudaSetDevice(device_);
    for (auto& [size, free] : free_) {
        for (Free& piece : free) {
            (void)cudaEventSynchronize(piece.last_use.get());
            (void)cudaFree(piece.data);
        }
        free.clear();
    }
    kept_ = 0;
}

void MemoryPool::retire() noexcept {
    clear();
    retired_ = true;
}

}  // namespace deadscope::cuda

// Device memory, pinned memory and copies. Device memory begins as bytes that are all ones, which is no
// number; copies are checked against the allocations they touch, as the driver does.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"
#include "tests/emulation/stream.h"

namespace deadscope_emulation {

bool find_range(const void* pointer, std::size_t bytes, Range& found) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    auto at = machine().ranges.upper_bound(address);
    if (at == machine().ranges.begin()) return false;
    --at;
    const std::uintptr_t offset = address - at->first;
    if (offset > at->second.bytes || bytes > at->second.bytes - offset) return false;
    if (offset == at->second.bytes && bytes == 0) return false;
    found = at->second;
    return true;
}

bool touches(int device, const void* pointer, std::size_t bytes, bool writes) {
    if (bytes == 0) return true;
    Range range;
    if (!find_range(pointer, bytes, range) || (range.device != device && range.device != -1)) {
        lose(device, cudaErrorIllegalAddress);
        return false;
    }
    if (writes) {
        will_write(const_cast<void*>(pointer), bytes);
    } else {
        will_read(pointer, bytes);
    }
    return true;
}

namespace {

constexpr std::size_t alignment = 256;  // what cudaMalloc promises

// The bytes of a rectangle from its first to its last; a plain copy is one row.
struct Rectangle {
    std::size_t pitch = 0, width = 0, height = 0;
    std::size_t extent() const { return height == 0 || width == 0 ? 0 : (height - 1) * pitch + width; }
};

void* allocate(std::size_t bytes) {
    void* pointer = nullptr;
    return posix_memalign(&pointer, alignment, bytes) == 0 ? pointer : nullptr;
}

// Where a side of a copy lies: on a device, in pinned memory, or neither; `ok` where the kind allows it.
struct Side {
    bool device = false, pinned = false, ok = false;
};
Side side(const void* pointer, std::size_t bytes, bool wants_device, bool either) {
    Range range;
    Side s;
    // One byte tells whose memory it is, all bytes whether it suffices.
    const bool known = find_range(pointer, 1, range);
    s.device = known && range.device >= 0;
    s.pinned = known && range.device < 0;
    s.ok = (either || s.device == wants_device) && (!known || find_range(pointer, bytes, range));
    return s;
}

void copy_rows(void* to, std::size_t to_pitch, const void* from, Rectangle rows) {
    for (std::size_t r = 0; r < rows.height; ++r) {
        std::memcpy(static_cast<char*>(to) + r * to_pitch, static_cast<const char*>(from) + r * rows.pitch,
                    rows.width);
    }
}

cudaError_t copy(void* to, std::size_t to_pitch, const void* from, Rectangle rows, cudaMemcpyKind kind,
                 cudaStream_t handle) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return error;
    CUstream_st* const stream = resolve(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (rows.extent() == 0) return cudaSuccess;
    const bool either = kind == cudaMemcpyDefault;
    const Side target = side(to, Rectangle{to_pitch, rows.width, rows.height}.extent(),
                             kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, either);
    const Side source =
        side(from, rows.extent(), kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, either);
    if (!target.ok || !source.ok) return cudaErrorInvalidValue;
    const cudaError_t planned = planned_failure(Call::copy);
    if (planned != cudaSuccess && !is_sticky(planned)) return planned;
    order_with_default(*stream);
    // Pageable memory of the host is copied aside before the call returns, or waited for after it.
    const bool aside = !source.device && !source.pinned;
    std::shared_ptr<char[]> staging;
    if (aside) {
        staging = std::shared_ptr<char[]>(new char[rows.width * rows.height]);
        copy_rows(staging.get(), rows.width, from, rows);
        from = staging.get();
        rows.pitch = rows.width;
    }
    stream->enqueue([=, device = stream->device, staging = std::move(staging)] {
        if (planned != cudaSuccess) return lose(device, planned);
        copy_rows(to, to_pitch, from, rows);
        machine().copies.fetch_add(1, std::memory_order_relaxed);
        machine().copied_bytes.fetch_add(rows.width * rows.height, std::memory_order_relaxed);
        static_cast<void>(staging);
    });
    if (!target.device && !target.pinned) {
        stream->synchronise();
        return obstacle();
    }
    return cudaSuccess;
}

cudaError_t set(void* at, Rectangle rows, int value, cudaStream_t handle) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return error;
    CUstream_st* const stream = resolve(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (rows.extent() == 0) return cudaSuccess;
    if (!side(at, rows.extent(), true, false).ok) return cudaErrorInvalidValue;
    order_with_default(*stream);
    stream->enqueue([=] {
        for (std::size_t r = 0; r < rows.height; ++r) {
            std::memset(static_cast<char*>(at) + r * rows.pitch, value, rows.width);
        }
    });
    return cudaSuccess;
}

void add_range(void* pointer, Range range) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    machine().ranges[reinterpret_cast<std::uintptr_t>(pointer)] = range;
    Counters& counted = machine().counted;
    if (range.device < 0) {
        counted.pinned_bytes += range.bytes;
        return;
    }
    machine().devices[static_cast<std::size_t>(range.device)].used += range.bytes;
    ++counted.allocations;
    counted.allocated_bytes += range.bytes;
    counted.peak_bytes = std::max(counted.peak_bytes, counted.allocated_bytes);
}

// False where no such allocation begins at the pointer.
bool remove_range(void* pointer, bool pinned, bool registered) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    const auto at = machine().ranges.find(reinterpret_cast<std::uintptr_t>(pointer));
    if (at == machine().ranges.end() || (at->second.device < 0) != pinned ||
        at->second.registered != registered) {
        return false;
    }
    Counters& counted = machine().counted;
    if (pinned) {
        counted.pinned_bytes -= at->second.bytes;
    } else {
        machine().devices[static_cast<std::size_t>(at->second.device)].used -= at->second.bytes;
        --counted.allocations;
        counted.allocated_bytes -= at->second.bytes;
    }
    machine().ranges.erase(at);
    return true;
}

cudaError_t pin(void** pointer, std::size_t bytes) {
    *pointer = nullptr;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return error;
    if (const cudaError_t error = planned_failure(Call::allocate_pinned); error != cudaSuccess) return error;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        const std::size_t pinned = machine().counted.pinned_bytes;
        if (bytes > machine().pinned_memory || pinned > machine().pinned_memory - bytes)
            return cudaErrorMemoryAllocation;
    }
    if (bytes == 0) return cudaSuccess;
    *pointer = allocate(bytes);
    if (*pointer == nullptr) return cudaErrorMemoryAllocation;
    add_range(*pointer, {bytes, -1, false});
    return cudaSuccess;
}

}  // namespace
}  // namespace deadscope_emulation

using namespace deadscope_emulation;

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
    *pointer = nullptr;
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    if (const cudaError_t error = planned_failure(Call::allocate); error != cudaSuccess) return result(error);
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    if (bytes > free) return result(cudaErrorMemoryAllocation);
    if (bytes == 0) return cudaSuccess;
    *pointer = allocate(bytes);
    if (*pointer == nullptr) return result(cudaErrorMemoryAllocation);
    std::memset(*pointer, 0xFF, bytes);
    add_range(*pointer, {bytes, current_device(), false});
    return cudaSuccess;
}

// Waits for the device, as the runtime does. The memory goes even where the device is lost.
cudaError_t cudaFree(void* pointer) {
    if (pointer == nullptr) return result(obstacle());
    Range range;
    if (!find_range(pointer, 1, range) || range.device < 0) return result(cudaErrorInvalidValue);
    wait_for_device(range.device);
    if (!remove_range(pointer, false, false)) return result(cudaErrorInvalidValue);
    std::free(pointer);
    return result(obstacle());
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
    return result(pin(pointer, bytes));
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
    return result(pin(pointer, bytes));
}
cudaError_t cudaFreeHost(void* pointer) {
    if (pointer == nullptr) return result(obstacle());
    for (int device = 0; device < most_devices; ++device) wait_for_device(device);
    if (!remove_range(pointer, true, false)) return result(cudaErrorInvalidValue);
    std::free(pointer);
    return result(obstacle());
}
cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    if (pointer == nullptr || bytes == 0) return result(cudaErrorInvalidValue);
    if (const cudaError_t error = planned_failure(Call::allocate_pinned); error != cudaSuccess)
        return result(error);
    add_range(pointer, {bytes, -1, true});
    return cudaSuccess;
}
cudaError_t cudaHostUnregister(void* pointer) {
    return result(remove_range(pointer, true, true) ? obstacle() : cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    if (const cudaError_t error = obstacle(); error != cudaSuccess) return result(error);
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    const std::size_t used = machine().devices[static_cast<std::size_t>(current_device())].used;
    *total = machine().memory;
    *free = used > *total ? 0 : *total - used;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return result(copy(to, bytes, from, {bytes, bytes, 1}, kind, stream));
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
    if (width > to_pitch || width > from_pitch) return result(cudaErrorInvalidPitchValue);
    return result(copy(to, to_pitch, from, {from_pitch, width, height}, kind, stream));
}
cudaError_t cudaMemsetAsync(void* at, int value, std::size_t bytes, cudaStream_t stream) {
    return result(set(at, {bytes, bytes, 1}, value, stream));
}
cudaError_t cudaMemset2DAsync(void* at, std::size_t pitch, int value, std::size_t width, std::size_t height,
                              cudaStream_t stream) {
    if (width > pitch) return result(cudaErrorInvalidPitchValue);
    return result(set(at, {pitch, width, height}, value, stream));
}

// The emulated machine's state: devices with their memory and errors, and the settings of the tests.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/emulation/emulation.h"

struct CUstream_st;

namespace deadscope_emulation {

bool is_sticky(cudaError_t error);  // the context is lost with it

constexpr int most_devices = 8;

struct Device {
    std::atomic<cudaError_t> lost{cudaSuccess};  // the sticky error
    std::size_t used = 0;
    std::vector<CUstream_st*> streams;        // all of them, the default stream included
    std::unique_ptr<CUstream_st> by_default;  // the legacy default stream, once used
};

struct Range {
    std::size_t bytes = 0;
    int device = 0;  // -1: pinned memory of the host
    bool registered = false;
};

// Thread rule: `mutex` guards all but the atomics; nobody waits for a stream while holding it.
struct Machine {
    std::mutex mutex;
    int device_count = 1, major = 8, minor = 6, driver = CUDART_VERSION;
    std::size_t memory = std::size_t{4} << 30, pinned_memory = ~std::size_t{0};
    std::atomic<std::int64_t> delay_us{0};
    std::array<Device, most_devices> devices;
    std::map<std::uintptr_t, Range> ranges;                  // by address
    std::map<const void*, std::size_t> kernel_shared_bytes;  // cudaFuncSetAttribute
    struct Planned {
        bool active = false;
        cudaError_t error = cudaSuccess;
        std::uint64_t passing = 0;
    };
    std::array<Planned, 5> planned;  // by Call
    Counters counted;
    std::atomic<std::uint64_t> launches{0}, blocks{0}, copies{0}, copied_bytes{0}, calls_of_libraries{0};
};

Machine& machine();
int current_device();

// The error of every API call goes through here: kept for cudaGetLastError, returned.
cudaError_t result(cudaError_t error);
// What stands in the way of any call on the current device: none there, or its context is lost.
cudaError_t obstacle();
// The error that a test has planned for this call, else cudaSuccess.
cudaError_t planned_failure(Call call);
void lose(int device, cudaError_t error);
void count_library_call();

// The allocation that holds all of [pointer, pointer + bytes), or nothing.
bool find_range(const void* pointer, std::size_t bytes, Range& found);

// Memory that a library call on `device` touches on the stream's thread: false, and the device is lost to
// cudaErrorIllegalAddress, where it is not all in one allocation.
bool touches(int device, const void* pointer, std::size_t bytes, bool writes);

}  // namespace deadscope_emulation

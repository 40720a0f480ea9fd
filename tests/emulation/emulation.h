// What tests may ask of the emulated machine: fewer or more devices, little memory, failures at a chosen
// call, slow kernels; and what has happened on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tests/emulation/runtime_api.h"

namespace deadscope_emulation {

// Every setting back to its default, sticky errors cleared, counters zero. Nothing may be in flight.
void reset();

void set_device_count(int count);                   // default 1; 0: cudaErrorNoDevice
void set_compute_capability(int major, int minor);  // default 8.6
void set_driver_version(int version);  // default 13000; one below the runtime's: cudaErrorInsufficientDriver
void limit_memory(std::size_t bytes);  // of each device, default 4 GiB; more is cudaErrorMemoryAllocation
void limit_pinned_memory(std::size_t bytes);          // default: no limit
void delay_launches(std::chrono::microseconds time);  // before each kernel, on its stream

enum class Call { allocate, allocate_pinned, copy, launch, library };

// The call after `passing` more of this kind gives `error`. Errors after which a real context is lost
// (cudaErrorIllegalAddress and its like) show at the next call that looks, and at every one from there on; a
// failing library call gives its library's own status.
void fail_next(Call call, cudaError_t error, std::uint64_t passing = 0);

struct Counters {
    std::uint64_t launches = 0, blocks = 0;  // kernels that have run
    std::uint64_t copies = 0, copied_bytes = 0;
    std::uint64_t calls_of_libraries = 0;
    std::size_t allocations = 0, allocated_bytes = 0, peak_bytes = 0;  // device memory, now and at most
    std::size_t pinned_bytes = 0;
    std::size_t streams = 0, events = 0;  // now
};
Counters counters();

}  // namespace deadscope_emulation

// See machine.h, and emulation.h for what tests may ask.
#include "tests/emulation/machine.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/emulation/sanitizers.h"
#include "tests/emulation/stream.h"

namespace deadscope_emulation {

namespace {

thread_local int chosen_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

struct Named {
    cudaError_t error;
    const char *name, *text;
};
constexpr Named errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidPitchValue, "cudaErrorInvalidPitchValue", "invalid pitch argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {cudaErrorAssert, "cudaErrorAssert", "device-side assert triggered"},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction", "an illegal instruction was encountered"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorSystemDriverMismatch, "cudaErrorSystemDriverMismatch",
     "system has unsupported display driver / cuda driver combination"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"}};

const Named* named(cudaError_t error) {
    const auto* const found = std::ranges::find(errors, error, &Named::error);
    return found == std::end(errors) ? nullptr : found;
}

// A tag for each device: what was done before the reset is not looked at after it.
template <typename Change>
void configure(Change change) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    change(machine());
}

// Shared memory that a kernel may ask for beyond 48 KiB (CUDA C++ programming guide, "Compute Capabilities").
std::size_t optin_shared(int major, int minor) {
    if (major == 7) return 64 * 1024;
    if (major == 8) return (minor == 0 || minor == 7 ? 163 : 99) * 1024;
    return (major == 9 || major == 10 || major == 11 ? 227 : 99) * 1024;
}

}  // namespace

Machine& machine() {
    static auto* const one = new Machine;  // outlives the threads of streams that were never destroyed
    return *one;
}

int current_device() {
    return chosen_device;
}

bool is_sticky(cudaError_t error) {
    return error == cudaErrorIllegalAddress || error == cudaErrorLaunchTimeout || error == cudaErrorAssert ||
           error == cudaErrorIllegalInstruction || error == cudaErrorMisalignedAddress ||
           error == cudaErrorLaunchFailure || error == cudaErrorECCUncorrectable;
}

cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

cudaError_t obstacle() {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    if (machine().driver < CUDART_VERSION) return cudaErrorInsufficientDriver;
    if (machine().device_count == 0) return cudaErrorNoDevice;
    if (chosen_device >= machine().device_count) return cudaErrorInvalidDevice;
    return machine().devices[static_cast<std::size_t>(chosen_device)].lost.load();
}

cudaError_t planned_failure(Call call) {
    const Unwatched unwatched;
    const std::lock_guard lock(machine().mutex);
    Machine::Planned& planned = machine().planned[static_cast<std::size_t>(call)];
    if (!planned.active || planned.passing-- > 0) return cudaSuccess;
    planned.active = false;
    return planned.error;
}

void lose(int device, cudaError_t error) {
    cudaError_t none = cudaSuccess;
    machine().devices[static_cast<std::size_t>(device)].lost.compare_exchange_strong(none, error);
}

void count_library_call() {
    machine().calls_of_libraries.fetch_add(1, std::memory_order_relaxed);
}

void reset() {
    configure([](Machine& m) {
        m.device_count = 1;
        m.major = 8;
        m.minor = 6;
        m.driver = CUDART_VERSION;
        m.memory = std::size_t{4} << 30;
        m.pinned_memory = ~std::size_t{0};
        m.delay_us = 0;
        for (Device& device : m.devices) device.lost = cudaSuccess;
        m.planned = {};
        m.kernel_shared_bytes.clear();
        m.launches = m.blocks = m.copies = m.copied_bytes = m.calls_of_libraries = 0;
        m.counted.peak_bytes = m.counted.allocated_bytes;
    });
    chosen_device = 0;
    last_error = cudaSuccess;
}

void set_device_count(int count) {
    configure([&](Machine& m) { m.device_count = std::clamp(count, 0, most_devices); });
}
void set_compute_capability(int major, int minor) {
    configure([&](Machine& m) { m.major = major, m.minor = minor; });
}
void set_driver_version(int version) {
    configure([&](Machine& m) { m.driver = version; });
}
void limit_memory(std::size_t bytes) {
    configure([&](Machine& m) { m.memory = bytes; });
}
void limit_pinned_memory(std::size_t bytes) {
    configure([&](Machine& m) { m.pinned_memory = bytes; });
}
void delay_launches(std::chrono::microseconds time) {
    machine().delay_us = time.count();
}
void fail_next(Call call, cudaError_t error, std::uint64_t passing) {
    configure([&](Machine& m) { m.planned[static_cast<std::size_t>(call)] = {true, error, passing}; });
}

Counters counters() {
    Counters result;
    configure([&](Machine& m) {
        result = m.counted;
        for (const Device& device : m.devices) result.streams += device.streams.size();
    });
    result.launches = machine().launches;
    result.blocks = machine().blocks;
    result.calls_of_libraries = machine().calls_of_libraries;
    result.copies = machine().copies;
    result.copied_bytes = machine().copied_bytes;
    return result;
}

}  // namespace deadscope_emulation

using namespace deadscope_emulation;

cudaError_t cudaGetLastError() {
    const cudaError_t error = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() {
    const cudaError_t lost = machine().devices[static_cast<std::size_t>(chosen_device)].lost.load();
    return lost != cudaSuccess ? lost : last_error;
}
const char* cudaGetErrorName(cudaError_t error) {
    return named(error) == nullptr ? "unrecognized error code" : named(error)->name;
}
const char* cudaGetErrorString(cudaError_t error) {
    return named(error) == nullptr ? "unrecognized error code" : named(error)->text;
}

cudaError_t cudaDriverGetVersion(int* version) {
    configure([&](Machine& m) { *version = m.driver; });
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 0;
    int devices = 0, driver = 0;
    configure([&](Machine& m) { devices = m.device_count, driver = m.driver; });
    if (driver < CUDART_VERSION) return result(cudaErrorInsufficientDriver);
    *count = devices;
    return result(devices == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
    int count = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) return error;
    if (device < 0 || device >= count) return result(cudaErrorInvalidDevice);
    chosen_device = device;
    return result(obstacle());
}
cudaError_t cudaGetDevice(int* device) {
    *device = chosen_device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* prop, int device) {
    int count = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) return error;
    if (device < 0 || device >= count) return result(cudaErrorInvalidDevice);
    *prop = {};
    std::snprintf(prop->name, sizeof prop->name, "emulated device %d", device);
    configure([&](Machine& m) {
        prop->totalGlobalMem = m.memory;
        prop->major = m.major;
        prop->minor = m.minor;
    });
    prop->sharedMemPerBlock = 48 * 1024;
    prop->sharedMemPerBlockOptin = optin_shared(prop->major, prop->minor);
    prop->sharedMemPerMultiprocessor = prop->sharedMemPerBlockOptin + 1024;
    prop->warpSize = 32;
    prop->maxThreadsPerBlock = 1024;
    prop->maxThreadsDim[0] = prop->maxThreadsDim[1] = 1024;
    prop->maxThreadsDim[2] = 64;
    prop->maxGridSize[0] = 2147483647;
    prop->maxGridSize[1] = prop->maxGridSize[2] = 65535;
    prop->multiProcessorCount = 4;
    prop->maxThreadsPerMultiProcessor = 1536;
    prop->l2CacheSize = 4 << 20;
    prop->pciBusID = device + 1;
    return result(cudaSuccess);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attr, int device) {
    cudaDeviceProp p;
    if (const cudaError_t error = cudaGetDeviceProperties(&p, device); error != cudaSuccess) return error;
    switch (attr) {
        case cudaDevAttrMaxThreadsPerBlock:
            *value = p.maxThreadsPerBlock;
            break;
        case cudaDevAttrMaxSharedMemoryPerBlock:
            *value = static_cast<int>(p.sharedMemPerBlock);
            break;
        case cudaDevAttrWarpSize:
            *value = p.warpSize;
            break;
        case cudaDevAttrMultiProcessorCount:
            *value = p.multiProcessorCount;
            break;
        case cudaDevAttrKernelExecTimeout:
        case cudaDevAttrIntegrated:
            *value = 0;
            break;
        case cudaDevAttrL2CacheSize:
            *value = p.l2CacheSize;
            break;
        case cudaDevAttrComputeCapabilityMajor:
            *value = p.major;
            break;
        case cudaDevAttrComputeCapabilityMinor:
            *value = p.minor;
            break;
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
            *value = static_cast<int>(p.sharedMemPerMultiprocessor);
            break;
        case cudaDevAttrSingleToDoublePrecisionPerfRatio:
            *value = 32;
            break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin:
            *value = static_cast<int>(p.sharedMemPerBlockOptin);
            break;
    }
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* bus_id, int length, int device) {
    cudaDeviceProp p;
    if (const cudaError_t error = cudaGetDeviceProperties(&p, device); error != cudaSuccess) return error;
    if (length < 13) return result(cudaErrorInvalidValue);
    std::snprintf(bus_id, static_cast<std::size_t>(length), "0000:%02x:00.0", p.pciBusID);
    return cudaSuccess;
}

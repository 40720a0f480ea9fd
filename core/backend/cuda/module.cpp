// See module.h.
#include "core/backend/cuda/module.h"

#include <cuda_runtime_api.h>

#include "core/backend/cuda/cuda_backend.h"
#include "core/backend/cuda/errors.h"
#include "core/base/error.h"
#include "core/base/version.h"

namespace deadscope::cuda {
namespace {

// 13000: "13.0".
std::string cuda_version(int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string words(cudaError_t status) {
    (void)cudaGetLastError();  // said here, so not to be found by the next launch
    return cudaGetErrorString(status);
}

// Whether a device answers is asked only where one failed before, since such a failure stays: the question
// brings up the device, which takes memory.
std::string why_not(int index, const GpuDevice& device) {
    if (device.major < kLeastMajor || (device.major == kLeastMajor && device.minor < kLeastMinor))
        return "its compute capability " + std::to_string(device.major) + "." + std::to_string(device.minor) +
               " is below " + std::to_string(kLeastMajor) + "." + std::to_string(kLeastMinor);
    if (!has_failed()) return "";
    std::size_t unused = 0, all = 0;
    cudaError_t status = cudaSetDevice(index);
    if (status == cudaSuccess) status = cudaMemGetInfo(&unused, &all);
    return status == cudaSuccess ? "" : "it does not answer: " + words(status);
}

GpuDevice describe(int index) {
    GpuDevice device{.index = index};
    cudaDeviceProp properties{};
    if (const cudaError_t status = cudaGetDeviceProperties(&properties, index); status != cudaSuccess) {
        device.why_not = "it cannot be asked: " + words(status);
        return device;
    }
    device.name = properties.name;
    device.major = properties.major;
    device.minor = properties.minor;
    device.memory_bytes = properties.totalGlobalMem;
    device.why_not = why_not(index, device);
    return device;
}

class CudaModule final : public GpuModule {
public:
    GpuState state() const override {
        GpuState state;
        int driver = 0, runtime = 0, count = 0;
        if (cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0) state.driver = cuda_version(driver);
        if (cudaRuntimeGetVersion(&runtime) == cudaSuccess) state.runtime = cuda_version(runtime);
        const cudaError_t status = cudaGetDeviceCount(&count);
        if (state.driver.empty()) {
            state.why_not = "there is no NVIDIA driver";
        } else if (status == cudaErrorInsufficientDriver) {
            state.why_not = "the driver is too old: it knows CUDA " + state.driver + ", and " +
                            state.runtime + " is needed";
        } else if (status != cudaSuccess) {
            state.why_not = "no device can be asked for: " + words(status);
        } else if (count == 0) {
            state.why_not = "the driver finds no device";
        }
        (void)cudaGetLastError();
        if (!state.why_not.empty()) return state;
        for (int index = 0; index < count; ++index) state.devices.push_back(describe(index));
        return state;
    }

    std::unique_ptr<Backend> make(int device, Precision precision,
                                  const BackendOptions& options) const override {
        const GpuState here = state();
        const std::string name = "cuda:" + std::to_string(device);
        if (!here.why_not.empty())
            throw Error::resource("no GPU can be used here: " + here.why_not,
                                  {.key = "--device", .found = name});
        if (device < 0 || static_cast<std::size_t>(device) >= here.devices.size())
            throw Error::resource(
                "there is no such GPU",
                {.key = "--device",
                 .expected = here.devices.size() == 1
                                 ? "cuda:0"
                                 : "cuda:0 to cuda:" + std::to_string(here.devices.size() - 1),
                 .found = name});
        const GpuDevice& chosen = here.devices[static_cast<std::size_t>(device)];
        if (!chosen.why_not.empty())
            throw Error::resource("this GPU cannot be used: " + chosen.why_not,
                                  {.key = "--device", .found = name + ", " + chosen.name});
        return make_cuda_backend(device, precision, options);
    }
};

}  // namespace

std::string device_name(int device) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "it was asked for its name");
    return properties.name;
}

const GpuModule& gpu_module() {
    static const CudaModule module;
    return module;
}

}  // namespace deadscope::cuda

// What dlsym() finds (gpu_module.h).
extern "C" {
__attribute__((visibility("default"))) const char* deadscope_gpu_module_interface() {
    static const std::string text = deadscope::gpu_module_interface(deadscope::version);
    return text.c_str();
}
__attribute__((visibility("default"))) const deadscope::GpuModule* deadscope_gpu_module() {
    return &deadscope::cuda::gpu_module();
}
}

// What the program and its GPU module agree on: the module is a shared object that is opened at run time
// (module_loader.h), so that the program needs neither a GPU nor its libraries. Includes nothing of CUDA.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/error.h"

namespace deadscope {

struct GpuDevice {
    int index = 0;  // "cuda:0"
    std::string name{};
    int major = 0, minor = 0;  // compute capability
    std::uint64_t memory_bytes = 0;
    std::string why_not{};  // where it is not used; empty: usable
};

struct GpuState {
    std::string driver{}, runtime{};  // the CUDA versions of both, "13.0"; driver empty: there is none
    std::string why_not{};            // where no device can be asked for at all; empty: devices were
    std::vector<GpuDevice> devices{};
};

// Thread rule: immutable; any thread.
class GpuModule {
public:
    virtual ~GpuModule() = default;
    virtual GpuState state() const = 0;  // asked anew at every call
    // Errors: Error::resource where the device is absent, or not usable.
    virtual std::unique_ptr<Backend> make(int device, Precision precision,
                                          const BackendOptions& options) const = 0;
};

// A module and a program work together where this text is the same: it names what their common types depend
// on.
inline std::string gpu_module_interface(const char* version) {
    std::string text =
        std::string("deadscope ") + version + ", interface 1, compiler " + __VERSION__ + ", sizes";
    for (const std::size_t size :
         {sizeof(GpuState), sizeof(GpuDevice), sizeof(BackendInfo), sizeof(BackendOptions), sizeof(Matrix),
          sizeof(AttentionCall), sizeof(RotarySpec), sizeof(ThreadPool), sizeof(Error)})
        text += " " + std::to_string(size);
    return text;
}

// The symbols of the module.
inline constexpr const char* kGpuModuleInterfaceSymbol = "deadscope_gpu_module_interface";
inline constexpr const char* kGpuModuleSymbol = "deadscope_gpu_module";
using GpuModuleInterfaceFunction = const char*();
using GpuModuleFunction = const GpuModule*();

}  // namespace deadscope

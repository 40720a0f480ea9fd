// See module_loader.h.
#include "core/backend/module_loader.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/base/version.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libdeadscope_cuda.so";

std::string last_error() {
    const char* text = dlerror();
    return text != nullptr ? text : "no reason given";
}

// Where a module of this program may lie, best first.
std::vector<fs::path> places() {
    const char* named = std::getenv("DEADSCOPE_CUDA_MODULE");
    if (named != nullptr && *named != '\0') return {named};
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    if (error) return {};
    return {folder / kFile, folder.parent_path() / "lib" / "deadscope" / kFile, folder.parent_path() / kFile};
}

// The driver's library alone is quick to open; the module brings some hundred megabytes with it.
bool driver_is_there(std::string& why_not) {
    void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver == nullptr) {
        why_not = "there is no NVIDIA driver on this machine (libcuda.so.1)";
        return false;
    }
    dlclose(driver);
    return true;
}

template <typename Function>
Function* symbol(void* library, const char* name) {
    return reinterpret_cast<Function*>(dlsym(library, name));
}

void open(GpuModuleStatus& status) {
    void* library = dlopen(status.file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) {
        status.why_not = "it cannot be opened: " + last_error();
        return;
    }
    auto* interface = symbol<GpuModuleInterfaceFunction>(library, kGpuModuleInterfaceSymbol);
    auto* module = symbol<GpuModuleFunction>(library, kGpuModuleSymbol);
    if (interface == nullptr || module == nullptr) {
        status.why_not = "it is no GPU module of deadscope";
    } else if (const std::string ours = gpu_module_interface(version); interface() != ours) {
        status.why_not =
            std::string("it belongs to another program (") + interface() + "; this is " + ours + ")";
    } else {
        status.module = module();
    }
}

GpuModuleStatus find() {
    GpuModuleStatus status;
    status.build = DEADSCOPE_CUDA_BUILD;
    status.built = DEADSCOPE_CUDA_BUILT;
    const bool named = std::getenv("DEADSCOPE_CUDA_MODULE") != nullptr;
    std::error_code error;
    for (const fs::path& place : places()) {
        status.file = place.string();
        if (fs::exists(place, error)) {
            if (named || driver_is_there(status.why_not)) open(status);
            return status;
        }
    }
    if (!named) status.file.clear();
    status.why_not = status.built || named ? "the module's file is missing" : status.build;
    return status;
}

std::atomic<const GpuModule*>& replacement() {
    static std::atomic<const GpuModule*> module = nullptr;
    return module;
}

}  // namespace

const GpuModuleStatus& gpu_module_status() {
    static const GpuModuleStatus status = find();
    return status;
}

const GpuModule* gpu_module() {
    const GpuModule* other = replacement().load();
    return other != nullptr ? other : gpu_module_status().module;
}

void use_gpu_module(const GpuModule* module) {
    replacement().store(module);
}

}  // namespace deadscope

// See module.h.
#include "core/base/module.h"

#include <dlfcn.h>

#include <array>
#include <filesystem>

namespace deadscope {

Module open_module(const char* file_name) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    const std::array places{folder / file_name, folder.parent_path() / "lib" / "deadscope" / file_name};
    for (const fs::path& place : places) {
        if (!fs::exists(place, error)) continue;
        void* const handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (handle != nullptr) return {.handle = handle, .why = ""};
        const char* const reason = dlerror();
        return {.handle = nullptr, .why = reason != nullptr ? reason : "no reason given"};
    }
    return {};
}

}  // namespace deadscope

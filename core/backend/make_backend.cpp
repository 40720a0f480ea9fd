// The readable list of backends by device name.
#include <algorithm>
#include <charconv>
#include <optional>

#include "core/backend/backend.h"
#include "core/backend/module_loader.h"
#include "core/base/error.h"
#include "core/base/machine.h"

namespace deadscope {
namespace {

constexpr std::string_view kPrefix = "cuda:";
constexpr const char* kHint = "deadscope doctor says what works here; --device cpu computes on the processor";

// All cores are counted here: the module does not look at the machine.
BackendOptions counted(BackendOptions options) {
    if (options.threads <= 0) options.threads = machine().cores;
    return options;
}

// K of "cuda:K"; nothing where the text is no such name.
std::optional<int> device_index(std::string_view device) {
    if (!device.starts_with(kPrefix)) return std::nullopt;
    const std::string_view number = device.substr(kPrefix.size());
    int index = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (error != std::errc{} || end != number.data() + number.size() || index < 0 || number[0] == '-')
        return std::nullopt;
    return index;
}

std::unique_ptr<Backend> make_gpu_backend(const std::string& device, int index, Precision precision,
                                          const BackendOptions& options) {
    const GpuModule* module = gpu_module();
    if (module == nullptr)
        throw Error::resource("no GPU can be used here: " + gpu_module_status().why_not,
                              {.key = "--device", .found = device, .hint = kHint});
    return module->make(index, precision, counted(options));
}

std::unique_ptr<Backend> make_any_backend(Precision precision, const BackendOptions& options) {
    if (const GpuModule* module = gpu_module()) {
        const GpuState state = module->state();
        const auto usable = std::ranges::find_if(
            state.devices, [](const GpuDevice& device) { return device.why_not.empty(); });
        if (state.why_not.empty() && usable != state.devices.end())
            return module->make(usable->index, precision, counted(options));
    }
    return make_cpu_backend(precision, options.threads);
}

}  // namespace

std::unique_ptr<Backend> make_backend(const std::string& device, Precision precision,
                                      const BackendOptions& options) {
    if (device == "auto") return make_any_backend(precision, options);
    if (device == "cpu") return make_cpu_backend(precision, options.threads);
    if (const std::optional<int> index = device_index(device))
        return make_gpu_backend(device, *index, precision, options);
    throw Error::usage("there is no device of that name",
                       {.key = "--device", .expected = "auto, cpu or cuda:0, cuda:1, ...", .found = device});
}

}  // namespace deadscope

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

std::vector<int> usable_gpus() {
    std::vector<int> indices;
    const GpuModule* module = gpu_module();
    if (module == nullptr) return indices;
    const GpuState state = module->state();
    for (const GpuDevice& device : state.devices)
        if (state.why_not.empty() && device.why_not.empty()) indices.push_back(device.index);
    return indices;
}

std::unique_ptr<Backend> make_any_backend(Precision precision, const BackendOptions& options) {
    const std::vector<int> usable = usable_gpus();
    if (usable.empty()) return make_cpu_backend(precision, options.threads);
    return gpu_module()->make(usable.front(), precision, counted(options));
}

}  // namespace

std::vector<std::string> device_choices() {
    std::vector<std::string> names{"auto", "cpu"};
    for (const int index : usable_gpus()) names.push_back(std::string(kPrefix) + std::to_string(index));
    return names;
}

std::vector<std::string> devices_of(const std::string& device) {
    std::vector<std::string> names;
    if (device == "auto")
        for (const int index : usable_gpus()) names.push_back(std::string(kPrefix) + std::to_string(index));
    if (device == "auto") return names.empty() ? std::vector<std::string>{"cpu"} : names;
    for (std::size_t first = 0; first <= device.size();) {
        const std::size_t last = std::min(device.find(',', first), device.size());
        names.push_back(device.substr(first, last - first));
        first = last + 1;
    }
    for (std::size_t i = 0; names.size() > 1 && i < names.size(); ++i) {
        const bool again = std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i),
                                     names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i);
        if (again || !device_index(names[i]))
            throw Error::usage("a list of devices names each GPU once, and nothing else",
                               {.key = "--device", .expected = "cuda:0,cuda:1", .found = device});
    }
    return names;
}

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

// `deadscope doctor`: devices, BLAS, OpenGL, cache folders: what works here, what not. Graphical libraries
// are only asked whether they load; none is linked.
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"

#include "app/window.h"
#include "core/backend/backend.h"
#include "core/backend/module_loader.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/version.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/hub_cache_list.h"
#include "core/cluster/open_ranks.h"
#include "core/hub/settings.h"
#include "core/hub/urls.h"
#include "core/model/plan.h"
#include "core/reading/words.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

struct Check {
    std::string group, name, detail;
    bool works = true;
};

bool loads(const char* library) {
    void* handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    if (handle != nullptr) dlclose(handle);
    return handle != nullptr;
}

void check_library(std::vector<Check>& checks, const char* library, const char* gives, const char* package) {
    const bool works = loads(library);
    checks.push_back({"graphics", library, works ? gives : std::string("not found: ") + package, works});
}

// The module, the driver, and each device: what is used, or why not.
void check_gpus(std::vector<Check>& checks) {
    const GpuModuleStatus& status = gpu_module_status();
    checks.push_back({"compute", "CUDA module", status.build, status.built});
    if (status.module == nullptr) {
        const std::string file = status.file.empty() ? "" : "; " + status.file;
        if (status.built || !status.file.empty())
            checks.push_back({"compute", "CUDA", status.why_not + file, false});
        return;
    }
    checks.push_back({"compute", "CUDA module's file", status.file});
    const GpuState state = status.module->state();
    checks.push_back({"compute", "CUDA driver",
                      state.why_not.empty()
                          ? "knows CUDA " + state.driver + "; the module needs " + state.runtime
                          : state.why_not,
                      state.why_not.empty()});
    for (const GpuDevice& device : state.devices) {
        const std::string what = device.name + ", compute capability " + std::to_string(device.major) + "." +
                                 std::to_string(device.minor) + ", " + bytes_text(device.memory_bytes);
        checks.push_back({"compute", "cuda:" + std::to_string(device.index),
                          device.why_not.empty() ? what : what + ": not used, " + device.why_not,
                          device.why_not.empty()});
    }
}

void check_compute(std::vector<Check>& checks) {
    const Machine& here = machine();
    checks.push_back(
        {"compute", "processor", here.processor + ", " + std::to_string(here.cores) + " usable cores"});
    checks.push_back({"compute", "memory", bytes_text(here.memory_bytes)});
    checks.push_back({"compute", "BLAS", here.blas});
    for (const Precision precision : {Precision::f64, Precision::f32}) {
        const BackendInfo info = make_cpu_backend(precision)->info();
        checks.push_back({"compute", "cpu " + std::string(precision_name(precision)),
                          std::to_string(info.threads) + " threads"});
    }
    const ModuleState ranks = ranks_module();
    checks.push_back({"compute", "several ranks", ranks.words, ranks.works});
    check_gpus(checks);
}

void check_graphics(std::vector<Check>& checks) {
    const bool display = display_available();
    checks.push_back(
        {"graphics", "display",
         display ? "announced by the environment" : "none: the explorer's window cannot open, snapshot can",
         display});
    check_library(checks, "libGL.so.1", "a window's OpenGL", "install libgl1 libgl1-mesa-dri");
    check_library(checks, "libX11.so.6", "windows on X11", "install libx11-6");
    check_library(checks, "libEGL.so.1", "pictures off-screen", "install libegl1 libegl-mesa0");
}

// The network is not asked, and the token is not shown.
void check_hub(std::vector<Check>& checks) {
    const std::vector<CachedRepository> cached = list_hub_cache(hub_cache_folder());
    std::uint64_t bytes = 0, revisions = 0, incomplete = 0;
    for (const CachedRepository& repository : cached) {
        bytes += repository.bytes;
        revisions += repository.revisions.size();
        for (const CachedRevision& revision : repository.revisions)
            incomplete += revision.state == CachedRevision::State::complete ? 0 : 1;
    }
    std::string words =
        counted(cached.size(), "model") + " in " + counted(revisions, "revision") + ", " + bytes_text(bytes);
    if (incomplete > 0) words += "; " + std::to_string(incomplete) + " without all weights";
    checks.push_back({"folders", "cached models", words});
    try {
        const HubSettings hub = hub_settings();
        checks.push_back({"folders", "hub",
                          shown_url(hub.endpoint) + (hub.offline         ? ", offline mode"
                                                     : hub.token.empty() ? ", without a token"
                                                                         : ", with a token")});
    } catch (const Error& error) {
        checks.push_back({"folders", "hub", error.summary() + ": " + error.details().key, false});
    }
}

void check_folders(std::vector<Check>& checks) {
    const auto folder = [&](const char* name, const std::string& path) {
        std::error_code ignored;
        const bool there = std::filesystem::is_directory(path, ignored);
        checks.push_back({"folders", name, path + (there ? "" : "  (not there yet)"), true});
    };
    folder("hub cache", hub_cache_folder());
    check_hub(checks);
    folder("own architectures", user_architecture_folder());
    std::string families;
    for (const std::string& family : known_families()) families += (families.empty() ? "" : ", ") + family;
    checks.push_back({"folders", "families", families});
}

// Long lists go on below where they began; broken behind a comma.
std::string wrapped(const std::string& text, std::size_t indent) {
    constexpr std::size_t width = 90;
    std::string out, rest = text;
    while (rest.size() > width) {
        const std::size_t comma = rest.rfind(", ", width);
        if (comma == std::string::npos) break;
        out += rest.substr(0, comma + 1) + "\n" + std::string(indent, ' ');
        rest = rest.substr(comma + 2);
    }
    return out + rest;
}

}  // namespace

int doctor_command(const OutputOptions& output) {
    std::vector<Check> checks;
    check_compute(checks);
    check_graphics(checks);
    check_folders(checks);
    nlohmann::ordered_json json{
        {"schema", "deadscope.doctor/1"}, {"version", version}, {"checks", nlohmann::ordered_json::array()}};
    std::string text = "deadscope " + std::string(version) + "\n", group;
    for (const Check& check : checks) {
        json["checks"].push_back(
            {{"group", check.group}, {"name", check.name}, {"works", check.works}, {"detail", check.detail}});
        if (check.group != group) text += "\n" + (group = check.group) + "\n";
        text += std::string(check.works ? "  yes  " : "  no   ") + check.name +
                std::string(check.name.size() < 20 ? 20 - check.name.size() : 1, ' ') +
                wrapped(check.detail, 27) + "\n";
    }
    if (!output.json.empty()) print_json(json, output.json);
    if (output.json != "-" && !output.quiet) print(text);
    return 0;
}

}  // namespace deadscope

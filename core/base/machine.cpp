// Reads /proc and asks OpenBLAS; see machine.h.
#include "core/base/machine.h"

#include <cblas.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace deadscope {
namespace {

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) {
            const auto colon = line.find(':');
            if (colon != std::string::npos && colon + 2 <= line.size()) return line.substr(colon + 2);
        }
    }
    return "unknown processor";
}

int usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

Machine read_machine() {
    Machine result;
    result.processor = processor_name();
    result.cores = usable_cores();
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        result.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
    // The configuration repeats the core name of a dynamic build; one mention is enough.
    result.blas = openblas_get_config();
    const std::string core = openblas_get_corename();
    if (result.blas.find(core) == std::string::npos) result.blas += ", " + core;
    return result;
}

}  // namespace

const Machine& machine() {
    static const Machine instance = read_machine();
    return instance;
}

std::uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Not from getrusage() where it can be helped: that counts what the parent held when it started this process.
std::uint64_t peak_resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::uint64_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024u;
    }
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024u;  // Linux counts in KiB
}

}  // namespace deadscope

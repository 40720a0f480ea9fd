// Linux gives every thread a niceness of its own, which threads inherit; see thread_priority.h.
#include "core/base/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace deadscope {
namespace {

// A tenth of an ordinary thread's weight: the window has nine parts of ten of a core that both want.
constexpr int niceness = 10;

id_t this_thread() {
    return static_cast<id_t>(syscall(SYS_gettid));
}

}  // namespace

void give_way() {
    setpriority(PRIO_PROCESS, this_thread(), niceness);
}

void make_others_give_way() {
    std::error_code none;
    for (std::filesystem::directory_iterator task("/proc/self/task", none), end; !none && task != end;
         task.increment(none)) {
        const auto id = static_cast<id_t>(std::strtoul(task->path().filename().c_str(), nullptr, 10));
        if (id != this_thread()) setpriority(PRIO_PROCESS, id, niceness);
    }
}

int threads_beside_window(int asked, int cores) {
    if (asked > 0) return asked;
    return cores > 2 ? cores - 1 : cores;
}

}  // namespace deadscope

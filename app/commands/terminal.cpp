// See terminal.h.
#include "app/commands/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "core/base/error.h"
#include "core/base/json_text.h"
#include "core/base/output_file.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // written from a signal handler

// What is at work may be inside one long call (a singular value decomposition): a second one does not wait.
extern "C" void on_interrupt(int) {
    if (stop_asked.exchange(true)) _exit(interrupted_status);
}

bool line_drawn = false;

bool wants_progress(const OutputOptions& output) {
    return !output.quiet && (output.verbose || isatty(STDERR_FILENO) != 0);
}

void draw_line(const std::string& what, const ProgressUpdate& update) {
    const int percent = static_cast<int>(update.fraction * 100.0);
    const std::size_t block = std::min(update.block + 1, update.blocks);
    std::fprintf(stderr, "\r\033[K%s  %3d %%  %.*s", printable(what, 200).c_str(), percent,
                 static_cast<int>(update.phase.size()), update.phase.data());
    if (update.blocks > 0) std::fprintf(stderr, ", block %zu of %zu", block, update.blocks);
    std::fflush(stderr);
    line_drawn = true;
}

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a short write, reported as one
    std::signal(SIGXFSZ, SIG_IGN);  // and so is a file that may not grow further
}

void keep_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)  // opens as the lowest that is free, which it is
            (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void let_interrupts_end() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

Progress terminal_progress(const std::string& what, const OutputOptions& output) {
    const bool draws = wants_progress(output);
    auto last = std::chrono::steady_clock::time_point{};
    return [=](const ProgressUpdate& update) mutable {
        const auto now = std::chrono::steady_clock::now();
        if (draws && now - last > std::chrono::milliseconds(100)) {
            last = now;
            draw_line(what, update);
        }
        return !stop_asked;
    };
}

ProgressLine::ProgressLine(const OutputOptions& output) : draws_(wants_progress(output)) {}

bool ProgressLine::update(const std::function<std::string()>& words) {
    const auto now = std::chrono::steady_clock::now();
    if (draws_ && now - last_ > std::chrono::milliseconds(100)) {
        last_ = now;
        std::fprintf(stderr, "\r\033[K%s", words().c_str());
        std::fflush(stderr);
        line_drawn = true;
    }
    return !stop_asked;
}

void clear_progress() {
    if (!line_drawn) return;
    std::fputs("\r\033[K", stderr);
    line_drawn = false;
}

int report_error(const Error& error) {
    clear_progress();
    std::fprintf(stderr, "deadscope: %s\n", error.message().c_str());
    return static_cast<int>(error.kind());
}

void print(std::string_view text) {
    clear_progress();
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0)
            throw Error::resource("standard output does not take what is written", {.file = "stdout"});
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void print_json(const nlohmann::ordered_json& value, const std::string& where) {
    if (where == "-") return write_json(value, print);
    OutputFile file(where);
    write_json(value, [&](std::string_view piece) { file.write(piece); });
    file.commit();
}

}  // namespace deadscope

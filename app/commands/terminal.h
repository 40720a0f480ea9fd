// What a command says in a terminal: progress on stderr, tables on stdout, and the interrupt key.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "app/commands/options.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/batch/results.h"
#include "core/reading/reading.h"

namespace deadscope {

// From construction on, SIGINT and SIGTERM ask the work to stop instead of ending the process.
void catch_interrupts();
// A standard stream that was closed is a file that takes nothing, so that no file of ours gets its number.
void keep_standard_streams();
void let_interrupts_end();  // back to the system's default: the process ends
constexpr int interrupted_status = 130;

// One line on stderr, redrawn; only to a terminal unless verbose. Also says stop once interrupted.
Progress terminal_progress(const std::string& what, const OutputOptions& output);
void clear_progress();
// The same line with words of the command's own, at most ten times a second. False once interrupted.
class ProgressLine {
public:
    explicit ProgressLine(const OutputOptions& output);
    bool update(const std::function<std::string()>& words);

private:
    bool draws_;
    std::chrono::steady_clock::time_point last_{};
};

// To stderr; the exit status that belongs to it.
int report_error(const Error& error);

// Errors: Error::resource where stdout does not take it (a full disk, a closed pipe).
void print(std::string_view text);
void print_json(const nlohmann::ordered_json& value, const std::string& where);  // to where --json says

// Tables for people; widths are counted in code points.
std::string gamma_summary(const GammaReading& gamma);
std::string reading_summary(const Reading& reading, bool verbose);
std::string batch_summary(const std::vector<BatchRow>& rows);

}  // namespace deadscope

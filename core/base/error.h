// The one exception type of core. An error is data: what went wrong, in which file, at which tensor or
// key, what was expected and what was found. The window shows it, the command line prints it; both
// say the same words (message()).
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace deadscope {

// Maps onto the exit status of the command line (interface.md): input 1, usage 2, resource 3.
enum class ErrorKind { input = 1, usage = 2, resource = 3 };

struct ErrorDetails {
    std::string file{};                     // as the person gave it; may hold any bytes
    std::string key{};                      // tensor name or configuration key
    std::optional<std::uint64_t> offset{};  // bytes from the start of the file
    std::string expected{};
    std::string found{};
    std::string hint{};  // what the person can do
};

// Thread rule: a value; safe to move between threads.
class Error : public std::exception {
public:
    Error(ErrorKind kind, std::string_view summary, ErrorDetails details = {});

    // Malformed or unsuitable input, the common case.
    static Error input(std::string_view summary, ErrorDetails details = {});
    static Error usage(std::string_view summary, ErrorDetails details = {});
    static Error resource(std::string_view summary, ErrorDetails details = {});

    ErrorKind kind() const noexcept { return kind_; }
    const std::string& summary() const noexcept { return summary_; }
    const ErrorDetails& details() const noexcept { return details_; }
    // One to five lines, valid UTF-8, control characters escaped, bounded length, no trailing newline.
    const std::string& message() const noexcept { return message_; }
    const char* what() const noexcept override { return message_.c_str(); }

private:
    ErrorKind kind_;
    std::string summary_;
    ErrorDetails details_;
    std::string message_;
};

}  // namespace deadscope

// Lays an error's parts out as the words that people see (interface.md, messages).
#include "core/base/error.h"

#include <utility>

#include "core/base/text.h"

namespace deadscope {
namespace {

// Limits that keep the whole message below about 1200 bytes, whatever the parts hold.
constexpr std::size_t summary_limit = 300, place_limit = 240, value_limit = 140, hint_limit = 260;

// Line 1: what. Line 2: where. Line 3: expected and found. Line 4: what to do. Empty ones are left out.
std::string lay_out(std::string_view summary, const ErrorDetails& details) {
    std::string message = printable(summary, summary_limit);
    if (!message.empty() && message[0] >= 'a' && message[0] <= 'z')  // a sentence, wherever it was thrown
        message[0] = static_cast<char>(message[0] - 'a' + 'A');
    std::string place;
    if (!details.file.empty()) place = "file " + printable(details.file, place_limit);
    if (!details.key.empty())
        place += (place.empty() ? "" : ", ") + ("at '" + printable(details.key, value_limit) + "'");
    if (details.offset) place += (place.empty() ? "" : ", ") + ("byte " + std::to_string(*details.offset));
    std::string values;
    if (!details.expected.empty()) values = "expected " + printable(details.expected, value_limit);
    if (!details.found.empty())
        values += (values.empty() ? "" : ", ") + ("found " + printable(details.found, value_limit));
    for (const std::string& line : {place, values, printable(details.hint, hint_limit)}) {
        if (!line.empty()) message += "\n  " + line;
    }
    return message;
}

}  // namespace

Error::Error(ErrorKind kind, std::string_view summary, ErrorDetails details)
    : kind_(kind), summary_(summary), details_(std::move(details)), message_(lay_out(summary_, details_)) {}

Error Error::input(std::string_view summary, ErrorDetails details) {
    return {ErrorKind::input, summary, std::move(details)};
}

Error Error::usage(std::string_view summary, ErrorDetails details) {
    return {ErrorKind::usage, summary, std::move(details)};
}

Error Error::resource(std::string_view summary, ErrorDetails details) {
    return {ErrorKind::resource, summary, std::move(details)};
}

}  // namespace deadscope

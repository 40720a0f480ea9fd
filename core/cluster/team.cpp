// See team.h. One number from each rank decides: the smallest of (2 - state) · size + rank.
#include "core/cluster/team.h"

#include <charconv>
#include <new>
#include <typeinfo>

namespace deadscope {
namespace {

// Fields as "length:bytes", since a file's name may hold any byte.
void put(std::string& text, std::string_view field) {
    text += std::to_string(field.size()) + ":";
    text += field;
}

std::string take(std::string_view& text) {
    const std::size_t colon = text.find(':');
    std::size_t length = 0;
    const char* end = text.data() + std::min(colon, text.size());
    const auto [rest, error] = std::from_chars(text.data(), end, length);
    if (colon == std::string_view::npos || error != std::errc() || rest != end ||
        length > text.size() - colon - 1)
        throw Error::resource("a rank told an error that is cut off");
    std::string field(text.substr(colon + 1, length));
    text.remove_prefix(colon + 1 + length);
    return field;
}

std::string told(const Error& error, const Ranks& ranks) {
    const ErrorDetails& details = error.details();
    std::string hint = details.hint;
    if (ranks.rank() != 0 && hint.find("says rank ") == std::string::npos)
        hint += std::string(hint.empty() ? "" : " ") + "(says rank " + std::to_string(ranks.rank()) + " of " +
                std::to_string(ranks.size()) + ", on " + ranks.host() + ")";
    std::string text;
    put(text, std::to_string(static_cast<int>(error.kind())));
    put(text, error.summary());
    for (const std::string& field : {details.file, details.key, details.expected, details.found, hint})
        put(text, field);
    put(text, details.offset ? std::to_string(*details.offset) : "");
    return text;
}

Error heard(std::string_view text) {
    const int kind = std::stoi(take(text));
    const std::string summary = take(text);
    ErrorDetails details;
    for (std::string* field : {&details.file, &details.key, &details.expected, &details.found, &details.hint})
        *field = take(text);
    const std::string offset = take(text);
    if (!offset.empty()) details.offset = std::stoull(offset);
    return Error(static_cast<ErrorKind>(kind), summary, std::move(details));
}

}  // namespace

bool Team::agree(State mine, const Error* error) {
    const std::int64_t size = ranks_.size();
    const std::int64_t worst = ranks_.minimum((2 - static_cast<int>(mine)) * size + ranks_.rank());
    if (worst / size == 2 - static_cast<int>(State::fine)) return true;
    settled_ = true;
    if (worst / size == 2 - static_cast<int>(State::stopped)) return false;
    lowest_failed_ = static_cast<int>(worst % size);
    std::string text = error ? told(*error, ranks_) : "";
    ranks_.broadcast(text, lowest_failed_);
    throw heard(text);
}

bool Team::meet() {
    return agree(State::fine);
}

bool Team::run(const std::function<bool()>& part) {
    settled_ = false;
    try {
        const bool done = part();
        return settled_ ? false : agree(done ? State::fine : State::stopped);
    } catch (const Error& error) {
        if (settled_) throw;
        try {
            agree(State::failed, &error);
        } catch (const Error&) {
            if (lowest_failed_ != ranks_.rank() || typeid(error) == typeid(Error)) throw;
        }
        throw;  // its own, whose type says more than is told
    } catch (const std::bad_alloc&) {
        if (settled_) throw;
        const Error error = Error::resource("out of memory", {.hint = "give fewer tokens, or more ranks"});
        agree(State::failed, &error);
    } catch (const std::exception& other) {
        if (settled_) throw;
        const Error error = Error::resource("an unexpected error", {.found = other.what()});
        agree(State::failed, &error);
    }
    return false;
}

}  // namespace deadscope

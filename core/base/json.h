// JSON from files that nobody vouches for: bounded in depth, duplicate keys refused, every error with its
// file and byte. And typed access that names file and key. What keys mean is left to the callers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

struct JsonSource {
    std::string file;            // for messages
    std::uint64_t offset = 0;    // of the text in its file, for messages
    std::size_t max_depth = 64;  // of nested objects and arrays
    bool require_utf8 = false;   // else stray bytes become U+FFFD: published configs have them
};

// Accepts Python's NaN, Infinity and -Infinity as numbers that are not finite, since published configurations
// hold them; JsonObject refuses them where they are used. Errors: Error::input with file and byte offset.
nlohmann::json parse_json(std::string_view text, const JsonSource& source);

// A view of one object in a file. Absent keys and null are the same: nothing.
// Thread rule: immutable; the value viewed must outlive it.
class JsonObject {
public:
    // `path`: where the object stands, "rope_parameters"; empty at the top. Errors: not an object.
    JsonObject(const nlohmann::json& value, std::string file, std::string path = {});

    bool has(std::string_view key) const { return find(key) != nullptr; }
    const nlohmann::json* find(std::string_view key) const;  // nullptr where absent or null
    std::vector<std::string> keys() const;

    // Errors: a value of another type, or a number that is not finite (file and key named).
    std::optional<std::int64_t> integer(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<JsonObject> object(std::string_view key) const;
    // A list of strings, or one string. Empty where absent.
    std::vector<std::string> texts(std::string_view key) const;
    std::vector<std::int64_t> integers(std::string_view key) const;  // a list; empty where absent

    const std::string& file() const { return file_; }
    std::string key_path(std::string_view key) const;  // "rope_parameters.rope_theta"
    [[noreturn]] void wrong(std::string_view key, std::string_view expected) const;  // found: the value there
    [[noreturn]] void missing(std::string_view key, std::string_view expected) const;

private:
    const nlohmann::json* value_;
    std::string file_, path_;
};

// The value in few words, for "found": text quoted, long ones cut.
std::string json_words(const nlohmann::json& value);

}  // namespace deadscope

// Finds step 0 of the series that a model belongs to (math.md §5): the initialisation that is not simulated.
#include "core/checkpoint/series.h"

#include <cctype>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/zoo.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

// Snapshots belong together when their configurations are the same value.
bool same_config(const fs::path& a, const fs::path& b) {
    try {
        const auto read = [](const fs::path& folder) {
            const std::string path = (folder / "config.json").string();
            return parse_json(read_text_file(path, 32u << 20), {.file = path});
        };
        return read(a) == read(b);
    } catch (const Error&) {
        return false;  // a neighbour that cannot be read is no snapshot of the series
    }
}

std::optional<std::string> initial_folder(const std::string& model) {
    const fs::path given = fs::path(model).has_filename() ? fs::path(model) : fs::path(model).parent_path();
    std::error_code error;
    if (!snapshot_number(given.filename().string()) || !fs::is_directory(given, error)) return std::nullopt;
    const fs::path parent = given.has_parent_path() ? given.parent_path() : fs::path(".");
    for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
        const fs::path& path = entry->path();
        if (snapshot_number(path.filename().string()) == 0u && same_config(given, path)) return path.string();
    }
    return std::nullopt;
}

std::optional<std::string> initial_revision(const std::string& model) {
    const auto id = parse_hub_id(model);
    if (!id || !snapshot_number(id->revision)) return std::nullopt;
    const HubId first{id->repository, "step0"};
    const auto folder = find_hub_snapshot(first), own = find_hub_snapshot(*id);
    if (!folder || !own || !same_config(*own, *folder)) return std::nullopt;
    return first.repository + "@" + first.revision;
}

}  // namespace

// (step|checkpoint|iter), perhaps a separator, digits; at the start or behind a separator, and ended by one
// or the end.
std::optional<std::uint64_t> snapshot_number(std::string_view name) {
    const auto is_separator = [](char c) { return c == '-' || c == '_'; };
    std::string text;
    for (const char c : name) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const std::string_view word : {"step", "checkpoint", "iter"}) {
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
            if (at > 0 && !is_separator(text[at - 1])) continue;
            const char* begin = text.data() + at + word.size();
            const char* const end = text.data() + text.size();
            if (begin != end && is_separator(*begin)) ++begin;
            std::uint64_t number = 0;
            const auto [after, error] = std::from_chars(begin, end, number);
            if (error == std::errc() && (after == end || is_separator(*after))) return number;
        }
    }
    return std::nullopt;
}

std::optional<std::string> initial_snapshot_of(const std::string& model) {
    if (is_zoo_name(model)) return initial_zoo_snapshot(model);
    std::error_code error;
    if (fs::exists(model, error)) return initial_folder(model);
    return initial_revision(model);
}

}  // namespace deadscope

// Resolves a hub id in the cache's layout (huggingface_hub, file_download.py).
#include "core/checkpoint/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "core/base/error.h"
#include "core/base/mapped_file.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

bool is_name_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
}

// One component of a repository id or a revision: never "..", never empty, no separators.
bool is_component(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_name_character) &&
           text != "." && text != "..";
}

bool is_path_of_components(std::string_view text) {
    for (;;) {
        const std::size_t slash = text.find('/');
        if (!is_component(text.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        text.remove_prefix(slash + 1);
    }
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::optional<HubId> parse_hub_id(const std::string& model) {
    HubId id;
    const std::size_t at = model.find('@');
    id.repository = model.substr(0, at);
    if (at != std::string::npos) id.revision = model.substr(at + 1);
    const bool one_slash = std::ranges::count(id.repository, '/') <= 1;
    const bool plain =
        id.repository.find("--") == std::string::npos;  // cannot occur in ids: the cache's separator
    if (!one_slash || !plain || !is_path_of_components(id.repository) || !is_path_of_components(id.revision))
        return std::nullopt;
    return id;
}

std::string expand_path(std::string path) {
    if (path == "~" || path.starts_with("~/")) path = variable("HOME") + path.substr(1);
    std::string out;
    for (std::size_t i = 0; i < path.size();) {
        const bool braces = path.compare(i, 2, "${") == 0;
        std::size_t begin = i + (braces ? 2 : 1), end = begin;
        const auto is_word = [](char c) { return is_name_character(c) && c != '-' && c != '.'; };
        while (path[i] == '$' && end < path.size() && is_word(path[end])) ++end;
        if (path[i] == '$' && end > begin && (!braces || (end < path.size() && path[end] == '}'))) {
            out += variable(path.substr(begin, end - begin).c_str());
            i = end + (braces ? 1 : 0);
        } else {
            out += path[i++];
        }
    }
    return out;
}

std::string hub_home_folder() {
    if (const std::string home = variable("HF_HOME"); !home.empty()) return expand_path(home);
    if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
        return expand_path(cache) + "/huggingface";
    return expand_path("~/.cache/huggingface");
}

std::string hub_cache_folder() {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
        if (const std::string value = variable(name); !value.empty()) return expand_path(value);
    }
    return hub_home_folder() + "/hub";
}

std::string hub_repository_folder(const std::string& cache, const std::string& repository) {
    std::string folder = "models--" + repository;
    if (const std::size_t slash = folder.find('/'); slash != std::string::npos)
        folder.replace(slash, 1, "--");
    return (fs::path(cache) / folder).string();
}

bool is_commit(std::string_view text) {
    return text.size() == 40 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<std::string> find_hub_snapshot(const HubId& id) {
    const fs::path repository = hub_repository_folder(hub_cache_folder(), id.repository);
    std::error_code error;
    const fs::path ref = repository / "refs" / id.revision;
    std::string commit = id.revision;
    if (fs::exists(ref, error)) {
        commit = read_text_file(ref.string(), 1024);
        while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r' || commit.back() == ' '))
            commit.pop_back();
        if (!is_component(commit)) {
            throw Error::input("The hub cache's reference names no commit",
                               {.file = ref.string(), .expected = "a commit", .found = commit});
        }
    }
    const fs::path snapshot = repository / "snapshots" / commit;
    if (commit.find('/') != std::string::npos || !fs::is_directory(snapshot, error)) return std::nullopt;
    return snapshot.string();
}

}  // namespace deadscope

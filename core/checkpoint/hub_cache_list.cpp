// See hub_cache_list.h.
#include "core/checkpoint/hub_cache_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/series.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t entry_limit = 20'000;        // files of one repository that are looked at
constexpr std::uint64_t index_limit = 128u << 20;  // bytes
constexpr const char* weights_endings[] = {".safetensors", ".bin", ".pt", ".pth", ".gguf"};

// Names in a folder, sorted, at most entry_limit of them.
std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end;
         !error && entry != end && names.size() < entry_limit; entry.increment(error))
        names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

// Commit -> the names that lead to it. Names may hold '/': refs is a tree.
std::map<std::string, std::vector<std::string>> read_references(const fs::path& repository,
                                                                const std::string& id) {
    std::map<std::string, std::vector<std::string>> out;
    std::error_code error;
    const fs::path root = repository / "refs";
    std::size_t count = 0;
    for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
         entry.increment(error)) {
        if (++count > entry_limit || entry.depth() > 16) break;
        std::error_code ignored;
        if (!entry->is_regular_file(ignored)) continue;
        const std::string name = entry->path().lexically_relative(root).generic_string();
        if (!parse_hub_id(id + "@" + name)) continue;
        try {
            std::string commit = read_text_file(entry->path().string(), 1024);
            while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
            out[commit].push_back(name);
        } catch (const Error&) {  // left out, as the header says
        }
    }
    for (auto& [commit, names] : out) std::ranges::sort(names);
    return out;
}

bool is_here(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);  // through the link: one that leads nowhere is not here
}

// Shards that an index names; nothing where it cannot be read.
std::optional<std::set<std::string>> shards_of(const fs::path& index) {
    try {
        const std::string path = index.string();
        const nlohmann::json json =
            parse_json(read_text_file(path, index_limit), {.file = path, .max_depth = 8});
        const auto map = JsonObject(json, path).object("weight_map");
        std::set<std::string> shards;
        if (map)
            for (const std::string& tensor : map->keys()) shards.insert(map->text(tensor).value_or(""));
        return shards;
    } catch (const Error&) {
        return std::nullopt;
    }
}

bool is_weights(const std::string& name) {
    return name != "training_args.bin" &&
           std::ranges::any_of(weights_endings, [&](const char* ending) { return name.ends_with(ending); });
}

// A split GGUF has no index: its names say how many there are.
std::size_t missing_of_split(const std::vector<std::string>& names, const std::string& name) {
    const std::string tail = name.substr(name.rfind("-of-"));
    const auto there = std::ranges::count_if(names, [&](const auto& other) { return other.ends_with(tail); });
    const long all = std::strtol(tail.c_str() + 4, nullptr, 10);
    return all > there ? static_cast<std::size_t>(all - there) : 0;
}

// Whole where any one form of the weights is: a file of its own, every shard of an index, every part of a
// split.
void judge(const fs::path& snapshot, const std::vector<std::string>& names, CachedRevision& revision) {
    bool whole = false;
    const auto form = [&](std::size_t missing) {
        whole = whole || missing == 0;
        revision.missing = std::max(revision.missing, missing);
    };
    std::set<std::string> shards;
    for (const std::string& name : names) {
        if (!name.ends_with(".index.json")) continue;
        const auto named = shards_of(snapshot / name);
        std::size_t missing = named && !named->empty() ? 0 : 1;
        for (const std::string& shard : named.value_or(std::set<std::string>()))
            missing += is_here(snapshot / shard) ? 0 : 1;
        form(missing);
        if (named) shards.insert(named->begin(), named->end());
    }
    for (const std::string& name : names) {
        if (!is_weights(name) || shards.contains(name)) continue;
        const bool part = name.ends_with(".gguf") && name.find("-of-") != std::string::npos;
        if (part || name.find("-of-") == std::string::npos)
            form(!is_here(snapshot / name) ? 1 : part ? missing_of_split(names, name) : 0);
    }
    if (whole) {
        revision.state = CachedRevision::State::complete;
        revision.missing = 0;
    } else if (revision.missing > 0) {
        revision.state = CachedRevision::State::shards_missing;
    }
}

struct Sizes {
    std::map<std::pair<dev_t, ino_t>, std::uint64_t> contents;  // bytes of each, once
    std::time_t last_used = 0;
    std::size_t entries = 0;
};

std::uint64_t measure(const fs::path& snapshot, Sizes& sizes) {
    std::uint64_t sum = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(snapshot, error), end; !error && entry != end;
         entry.increment(error)) {
        if (++sizes.entries > entry_limit) break;
        struct stat status {};
        if (stat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        const auto bytes = static_cast<std::uint64_t>(status.st_size);
        sum += bytes;
        sizes.contents[{status.st_dev, status.st_ino}] = bytes;
        sizes.last_used = std::max(sizes.last_used, status.st_atime);
    }
    return sum;
}

CachedRevision read_revision(const fs::path& snapshot, const std::string& id, std::vector<std::string> refs,
                             Sizes& sizes) {
    CachedRevision revision;
    revision.commit = snapshot.filename().string();
    revision.names = std::move(refs);
    for (const std::string& name : revision.names)
        if (const auto step = snapshot_number(name); step && !revision.step) revision.step = step;
    const bool main = std::ranges::find(revision.names, "main") != revision.names.end();
    revision.model =
        main ? id : id + "@" + (revision.names.empty() ? revision.commit : revision.names.front());
    revision.bytes = measure(snapshot, sizes);
    judge(snapshot, names_in(snapshot), revision);
    return revision;
}

std::optional<CachedRepository> read_repository(const fs::path& folder) {
    std::string id = folder.filename().string().substr(std::string("models--").size());
    if (const std::size_t dash = id.find("--"); dash != std::string::npos) id.replace(dash, 2, "/");
    if (!parse_hub_id(id)) return std::nullopt;
    CachedRepository repository{.repository = id, .revisions = {}};
    const auto references = read_references(folder, id);
    Sizes sizes;
    for (const std::string& commit : names_in(folder / "snapshots")) {
        std::error_code ignored;
        if (!parse_hub_id(id + "@" + commit) || !fs::is_directory(folder / "snapshots" / commit, ignored))
            continue;
        const auto refs = references.find(commit);
        repository.revisions.push_back(
            read_revision(folder / "snapshots" / commit, id,
                          refs == references.end() ? std::vector<std::string>() : refs->second, sizes));
    }
    for (const auto& [content, bytes] : sizes.contents) repository.bytes += bytes;
    repository.last_used = sizes.last_used;
    if (repository.revisions.empty()) return std::nullopt;
    std::ranges::sort(repository.revisions, [](const CachedRevision& a, const CachedRevision& b) {
        const auto key = [](const CachedRevision& r) {
            return std::tuple(!r.step, r.step.value_or(0), r.names.empty(), r.label());
        };
        return key(a) < key(b);
    });
    return repository;
}

}  // namespace

std::string CachedRevision::label() const {
    if (std::ranges::find(names, "main") != names.end()) return "main";
    return names.empty() ? commit.substr(0, 8) : names.front();
}

bool CachedRepository::is_trajectory() const {
    return std::ranges::count_if(revisions, [](const auto& r) { return r.step.has_value(); }) >= 2;
}

std::vector<CachedRepository> list_hub_cache(const std::string& cache) {
    std::vector<CachedRepository> out;
    for (const std::string& name : names_in(cache)) {
        if (!name.starts_with("models--")) continue;
        if (auto repository = read_repository(fs::path(cache) / name)) out.push_back(std::move(*repository));
    }
    return out;
}

std::string state_words(const CachedRevision& revision) {
    switch (revision.state) {
        case CachedRevision::State::complete:
            return "complete";
        case CachedRevision::State::shards_missing:
            return revision.missing == 1 ? "1 file missing"
                                         : std::to_string(revision.missing) + " files missing";
        case CachedRevision::State::no_weights:
            break;
    }
    return "no weights";
}

}  // namespace deadscope

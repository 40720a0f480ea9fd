// See architecture_file.h.
#include "core/model/architecture_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/model/architecture_reader.h"
#include "core/model/config_keys.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view folder = "assets/architectures/";
constexpr std::string_view not_a_family = "options";  // lies in the same folder (options.h)
constexpr std::uint64_t file_limit = 1u << 20;        // bytes
constexpr std::size_t depth_limit = 24;               // of the JSON
constexpr int extends_limit = 8;                      // files laid over each other

bool is_plain_type(const std::string& model_type) {
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_';
    };
    return !model_type.empty() && model_type.size() <= 64 && model_type != not_a_family &&
           std::ranges::all_of(model_type, plain);
}

ArchitectureFile parse(std::string_view text, const std::string& file) {
    return {file, std::make_shared<const json>(parse_json(text, {.file = file, .max_depth = depth_limit}))};
}

// A built-in file, read once: a reading asks for its family several times.
ArchitectureFile built_in(const Asset& asset) {
    static std::mutex mutex;
    static std::map<const Asset*, ArchitectureFile> known;
    const std::scoped_lock lock(mutex);
    if (const auto before = known.find(&asset); before != known.end()) return before->second;
    return known.emplace(&asset, parse(asset_text(asset), std::string(asset.path))).first->second;
}

// The file as it stands, without what it extends.
std::optional<ArchitectureFile> find_own(const std::string& model_type, bool built_in_only) {
    if (!is_plain_type(model_type)) return std::nullopt;
    const std::string name = model_type + ".json", own = user_architecture_folder() + "/" + name;
    std::error_code error;
    if (!built_in_only && fs::exists(fs::symlink_status(own, error)))
        return parse(read_text_file(own, file_limit), own);
    if (const Asset* asset = find_asset(std::string(folder) + name)) return built_in(*asset);
    return std::nullopt;
}

// Lays the file over the one it extends. A person's own file may extend the built-in one of its own name.
ArchitectureFile extend(ArchitectureFile file, int depth) {
    const JsonObject object(*file.json, file.file);
    const auto base_type = object.text("extends");
    if (!base_type) return file;
    if (depth >= extends_limit)
        object.wrong("extends", "a family whose files do not extend each other in a circle");
    auto base = find_own(*base_type, /*built_in_only=*/base_type == object.text("model_type"));
    if (!base || base->file == file.file) object.wrong("extends", "the model_type of another known family");
    json merged = *extend(*base, depth + 1).json;
    merged.merge_patch(*file.json);
    merged.erase("extends");
    file.json = std::make_shared<const json>(std::move(merged));
    return file;
}

bool condition_holds(const JsonObject& when, const std::string& key, const JsonObject& config) {
    const json* values = when.find(key);
    if (values == nullptr || !values->is_array()) when.wrong(key, "a list of values");
    const auto place = find_config(config, key);
    const json found = place ? *place->value : json();  // absent is as good as null
    return std::ranges::any_of(*values, [&](const json& value) { return value == found; });
}

// `{i}` in the name stands for any number.
bool numbered_tensor_is_there(std::string_view name, const Checkpoint& checkpoint) {
    const std::string_view head = name.substr(0, name.find("{i}")), tail = name.substr(head.size() + 3);
    return std::ranges::any_of(checkpoint.tensors(), [&](const TensorInfo& tensor) {
        const std::string_view found = tensor.name;
        if (found.size() <= head.size() + tail.size() || !found.starts_with(head) || !found.ends_with(tail))
            return false;
        return std::ranges::all_of(found.substr(head.size(), found.size() - head.size() - tail.size()),
                                   [](char c) { return c >= '0' && c <= '9'; });
    });
}

bool tensor_is_there(const std::string& name, const std::vector<std::string>& prefixes,
                     const Checkpoint& checkpoint) {
    if (name.find("{i}") != std::string::npos) {
        return std::ranges::any_of(prefixes, [&](const std::string& prefix) {
            return numbered_tensor_is_there(prefix + name, checkpoint);
        });
    }
    return checkpoint.find(name) != nullptr || std::ranges::any_of(prefixes, [&](const std::string& prefix) {
               return checkpoint.find(prefix + name) != nullptr;
           });
}

bool variant_holds(const JsonObject& variant, const std::vector<std::string>& prefixes,
                   const JsonObject& config, const Checkpoint& checkpoint) {
    expect_keys(variant, {"when", "has", "lacks", "patch"});
    const auto when = variant.object("when");
    const auto has = variant.texts("has"), lacks = variant.texts("lacks");
    if (!when && has.empty() && lacks.empty()) variant.missing("when", "a condition: when, has or lacks");
    const auto there = [&](const std::string& name) { return tensor_is_there(name, prefixes, checkpoint); };
    const auto keys = when ? when->keys() : std::vector<std::string>();
    return std::ranges::all_of(keys, [&](const auto& key) { return condition_holds(*when, key, config); }) &&
           std::ranges::all_of(has, there) && std::ranges::none_of(lacks, there);
}

}  // namespace

ArchitectureFile read_architecture(std::string_view text, const std::string& file) {
    return extend(parse(text, file), 0);
}

std::string user_architecture_folder() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return value == nullptr ? std::string() : std::string(value);
    };
    std::string base = variable("XDG_CONFIG_HOME");
    if (base.empty()) base = variable("HOME") + "/.config";
    return base + "/deadscope/architectures";
}

std::optional<ArchitectureFile> find_architecture(const std::string& model_type) {
    auto own = find_own(model_type, /*built_in_only=*/false);
    if (!own) return std::nullopt;
    const auto stated = JsonObject(*own->json, own->file).text("model_type");
    if (stated != model_type) {
        throw Error::input("The architecture file is named for another family than it describes",
                           {.file = own->file,
                            .key = "model_type",
                            .expected = model_type,
                            .found = stated.value_or("nothing")});
    }
    return extend(std::move(*own), 0);
}

Architecture resolve_architecture(const ArchitectureFile& file, const JsonObject& config,
                                  const Checkpoint& checkpoint) {
    const JsonObject object(*file.json, file.file);
    json patched = *file.json;
    if (const json* variants = object.find("variants")) {
        if (!variants->is_array()) object.wrong("variants", "a list of {\"when\": ..., \"patch\": {...}}");
        const auto prefixes = object.texts("prefixes");
        for (const json& value : *variants) {
            const JsonObject variant(value, file.file, "variants");
            (void)required_object(variant, "patch");
            if (variant_holds(variant, prefixes, config, checkpoint))
                patched.merge_patch(*variant.find("patch"));
        }
    }
    Architecture out = parse_architecture(patched, file.file);
    // What a variant took away is the family's business all the same.
    const auto before = mentioned_config_keys(*file.json);
    std::set<std::string> all(before.begin(), before.end());
    all.insert(out.mentioned.begin(), out.mentioned.end());
    out.mentioned.assign(all.begin(), all.end());
    return out;
}

std::vector<std::string> known_families() {
    std::set<std::string> names;
    for (const Asset& asset : assets()) {
        const fs::path path(asset.path);
        if (asset.path.starts_with(folder) && path.extension() == ".json") names.insert(path.stem().string());
    }
    std::error_code error;
    for (fs::directory_iterator entry(user_architecture_folder(), error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() == ".json") names.insert(entry->path().stem().string());
    }
    std::erase_if(names, [](const std::string& name) { return !is_plain_type(name); });
    return {names.begin(), names.end()};
}

}  // namespace deadscope

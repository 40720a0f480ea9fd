// Whether a folder's files are where they may be, and how they make one checkpoint.
#include "core/checkpoint/folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/mxfp4.h"
#include "core/checkpoint/open_format.h"
#include "core/checkpoint/series.h"
#include "core/checkpoint/weights_choice.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t config_limit = 32u << 20, index_limit = 128u << 20;  // bytes

bool is_plain_name(std::string_view name) {
    const bool bad_character =
        std::ranges::any_of(name, [](char c) { return c == '/' || c == '\\' || c == '\0'; });
    return !name.empty() && name.size() <= 255 && !bad_character && name != "." && name != "..";
}

// snapshots/<commit>/<file> -> ../../blobs/<hash>: the one link out of a folder that is the hub cache's own
// layout. Contents that several repositories share lie in <cache>/blobs/<2 digits>/<hash> (huggingface_hub
// 2).
bool is_hub_blob(const fs::path& folder, const fs::path& target) {
    const fs::path snapshots = folder.parent_path();
    const fs::path repository = snapshots.parent_path();
    return snapshots.filename() == "snapshots" && repository.filename().string().starts_with("models--") &&
           (target.parent_path() == repository / "blobs" ||
            target.parent_path().parent_path() == repository.parent_path() / "blobs");
}

// The path of a file of the folder. Errors: a link that leads elsewhere.
std::string member(const fs::path& folder, const std::string& name) {
    const fs::path path = folder / name;
    std::error_code error;
    const fs::path real_folder = fs::canonical(folder, error), real = fs::canonical(path, error);
    if (error) return path.string();  // absent: opening it says so
    if (real.parent_path() != real_folder && !is_hub_blob(real_folder, real)) {
        throw Error::input(
            "A file of the folder is a link that leads out of it, and such links are not followed",
            {.file = path.string(),
             .expected = "a file inside its folder",
             .found = "a link to " + real.string(),
             .hint = "Open the folder that the link leads to."});
    }
    return path.string();
}

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    if (error)
        throw Error::input("The folder cannot be read", {.file = folder.string(), .found = error.message()});
    std::ranges::sort(names);
    return names;
}

void load_config(const fs::path& folder, std::shared_ptr<const nlohmann::json>& config, std::string& path) {
    if (!is_there(folder / "config.json")) return;
    path = member(folder, "config.json");
    const std::string text = read_text_file(path, config_limit);
    auto value = std::make_shared<nlohmann::json>(parse_json(text, {.file = path}));
    (void)JsonObject(*value, path);
    config = std::move(value);
}

// Shards are of the index's own format.
bool is_shard_of(const std::string& index, const std::string& shard) {
    return is_plain_name(shard) &&
           (index.ends_with(".bin.index.json") ? is_torch_name(shard) : shard.ends_with(".safetensors"));
}

// Tensor name -> shard, as the index tells it.
std::map<std::string, std::string> read_index(const std::string& path) {
    const std::string text = read_text_file(path, index_limit);
    const nlohmann::json json = parse_json(text, {.file = path, .max_depth = 8});
    const JsonObject index(json, path);
    const auto weight_map = index.object("weight_map");
    if (!weight_map) index.missing("weight_map", "an object of tensor names and shard files");
    std::map<std::string, std::string> shards;
    for (const std::string& tensor : weight_map->keys()) {
        const auto shard = weight_map->text(tensor);
        if (!shard || !is_shard_of(path, *shard)) {
            weight_map->wrong(tensor, std::string("the plain name of a ") +
                                          (path.ends_with(".bin.index.json") ? ".bin" : ".safetensors") +
                                          " file in the same folder");
        }
        shards.emplace(tensor, *shard);
    }
    if (shards.empty()) index.wrong("weight_map", "at least one tensor");
    return shards;
}

std::vector<std::unique_ptr<WeightsFile>> open_shards(const fs::path& folder, const std::string& index) {
    const auto shard_of = read_index(index);
    std::map<std::string, std::unique_ptr<WeightsFile>> opened;
    for (const auto& [tensor, shard] : shard_of) {
        if (opened.contains(shard)) continue;
        const std::string path = member(folder, shard);
        if (!is_there(path)) {
            throw Error::input("A shard that the index names is missing",
                               {.file = path,
                                .key = tensor,
                                .expected = "a file beside " + fs::path(index).filename().string(),
                                .found = "nothing",
                                .hint = "Download the missing file."});
        }
        opened.emplace(shard, open_format(MappedFile::open(path)));
    }
    std::map<std::string, std::set<std::string_view>> held;
    for (const auto& [shard, file] : opened) {
        for (const TensorInfo& tensor : file->tensors()) held[shard].insert(tensor.name);
    }
    for (const auto& [tensor, shard] : shard_of) {
        if (held[shard].contains(tensor)) continue;
        throw Error::input(
            "A tensor is not in the shard that the index names for it",
            {.file = opened.at(shard)->path(), .key = tensor, .expected = "the tensor", .found = "nothing"});
    }
    std::vector<std::unique_ptr<WeightsFile>> files;
    files.reserve(opened.size());
    for (auto& [shard, file] : opened) files.push_back(std::move(file));
    return files;
}

std::vector<std::unique_ptr<WeightsFile>> open_gguf_set(const fs::path& folder, const std::string& path) {
    std::vector<std::shared_ptr<const MappedFile>> parts;
    const std::vector<std::string> names = gguf_part_names(fs::path(path).filename().string());
    if (names.size() == 1) return open_gguf_parts({MappedFile::open(path)});
    for (const std::string& name : names) parts.push_back(MappedFile::open(member(folder, name)));
    return open_gguf_parts(std::move(parts));
}

std::vector<std::unique_ptr<WeightsFile>> open_files(const fs::path& folder, const std::string& path) {
    if (is_shard_index(path)) return open_shards(folder, path);
    if (path.ends_with(".gguf")) return open_gguf_set(folder, path);
    std::vector<std::unique_ptr<WeightsFile>> files;
    files.push_back(open_format(MappedFile::open(path)));
    return files;
}

// The configuration is the weights file's own where it carries one (GGUF), else config.json.
Checkpoint assemble(const fs::path& folder, const std::string& weights, std::string name,
                    std::string source) {
    std::vector<std::unique_ptr<WeightsFile>> files = open_files(folder, weights);
    std::shared_ptr<const nlohmann::json> config = files.front()->configuration();
    std::string config_path = config ? files.front()->path() : std::string();
    if (!config) load_config(folder, config, config_path);
    if (auto unpacked = open_mxfp4(files)) files.push_back(std::move(unpacked));
    Checkpoint checkpoint(std::move(name), std::move(source), std::move(config), std::move(files));
    checkpoint.set_config_path(config_path.empty() ? (folder / "config.json").string() : config_path);
    checkpoint.set_folder(folder.string());
    return checkpoint;
}

// Older sentence-transformers keep the model one folder further down.
fs::path folder_of_weights(const fs::path& folder) {
    const fs::path inner = folder / "0_Transformer";
    std::error_code error;
    return !is_there(folder / "config.json") && fs::is_directory(fs::symlink_status(inner, error)) ? inner
                                                                                                   : folder;
}

}  // namespace

Checkpoint open_folder(const std::string& folder, std::string name, std::string source) {
    const fs::path place = folder_of_weights(folder);
    const std::string weights = choose_weights(names_in(place), place.string());
    return assemble(place, member(place, weights), std::move(name), std::move(source));
}

Checkpoint open_weights_file(const std::string& file, std::string name, std::string source) {
    const fs::path path(file);
    const std::string file_name = path.filename().string();
    if (is_unread_format(file_name)) {
        throw Error::input("This format is not read in this version",
                           {.file = file,
                            .expected = "safetensors, PyTorch's .bin and .pt, or GGUF",
                            .found = file_name,
                            .hint = unread_format_hint});
    }
    if (file_name.ends_with(".json") && !is_shard_index(file_name)) {
        throw Error::input("This is not a file of weights",
                           {.file = file,
                            .expected = ".safetensors, .bin, .pt, .gguf or an .index.json of shards",
                            .hint = "Open the folder that holds it."});
    }
    return assemble(path.has_parent_path() ? path.parent_path() : fs::path("."), file, std::move(name),
                    std::move(source));
}

std::string folder_member(const std::string& folder, const std::string& name) {
    return member(folder, name);
}

std::string file_beside(const Checkpoint& checkpoint, const std::string& name) {
    if (checkpoint.folder().empty() || !is_there(fs::path(checkpoint.folder()) / name)) return {};
    return member(checkpoint.folder(), name);
}

std::string label_of(const std::string& folder) {
    std::error_code error;
    fs::path path = fs::canonical(folder, error);
    if (error) path = folder;
    const std::string own = path.filename().string();
    const fs::path parent = path.parent_path();
    if (const std::string repository = parent.parent_path().filename().string();
        parent.filename() == "snapshots" && repository.starts_with("models--")) {
        std::string id = repository.substr(8);
        if (const std::size_t dash = id.find("--"); dash != std::string::npos) id.replace(dash, 2, "/");
        return id;
    }
    return snapshot_number(own) || own == "model" ? parent.filename().string() + "/" + own : own;
}

}  // namespace deadscope

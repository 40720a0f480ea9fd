// Which files of a folder are the checkpoint, and whether they are where they may be.
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
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/series.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t config_limit = 32u << 20, index_limit = 128u << 20;  // bytes
constexpr std::string_view weights_name = "model.safetensors", index_suffix = ".safetensors.index.json";

const char* const unread_hint =
    "Convert it to safetensors, for example with transformers' save_pretrained().";

// The formats that hold weights and are not read here, by their endings.
bool is_unread_format(const std::string& name) {
    for (const char* ending :
         {".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".npz"}) {
        if (name.ends_with(ending)) return true;
    }
    return false;
}

bool is_plain_name(std::string_view name) {
    const bool bad_character =
        std::ranges::any_of(name, [](char c) { return c == '/' || c == '\\' || c == '\0'; });
    return !name.empty() && name.size() <= 255 && !bad_character && name != "." && name != "..";
}

// snapshots/<commit>/<file> -> ../../blobs/<hash>: the one link out of a folder that is the hub cache's own
// layout.
bool is_hub_blob(const fs::path& folder, const fs::path& target) {
    const fs::path snapshots = folder.parent_path();
    return snapshots.filename() == "snapshots" &&
           snapshots.parent_path().filename().string().starts_with("models--") &&
           target.parent_path() == snapshots.parent_path() / "blobs";
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
        if (!shard || !is_plain_name(*shard) || !shard->ends_with(".safetensors")) {
            weight_map->wrong(tensor, "the plain name of a .safetensors file in the same folder");
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
        opened.emplace(shard, open_safetensors(MappedFile::open(path)));
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

std::vector<std::unique_ptr<WeightsFile>> open_gguf_set(const std::string& path) {
    std::vector<std::shared_ptr<const MappedFile>> parts;
    for (const std::string& name : gguf_part_names(fs::path(path).filename().string()))
        parts.push_back(MappedFile::open((fs::path(path).parent_path() / name).string()));
    return open_gguf_parts(std::move(parts));
}

std::vector<std::unique_ptr<WeightsFile>> open_file(const fs::path& folder, const std::string& path) {
    if (path.ends_with(".gguf")) return open_gguf_set(path);
    if (path.ends_with(index_suffix)) return open_shards(folder, path);
    std::vector<std::unique_ptr<WeightsFile>> files;
    files.push_back(open_safetensors(MappedFile::open(path)));
    return files;
}

// The weights of a folder by the hub's order: model.safetensors, its index, then the only file of the format.
std::string weights_of(const fs::path& folder) {
    const std::vector<std::string> names = names_in(folder);
    const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
    if (has(weights_name)) return std::string(weights_name);
    if (std::string index = "model" + std::string(index_suffix); has(index)) return index;
    std::vector<std::string> candidates, unread;
    for (const std::string& name : names) {
        if (name.ends_with(".safetensors") || name.ends_with(index_suffix)) candidates.push_back(name);
        if (is_unread_format(name) && name != "training_args.bin") unread.push_back(name);
    }
    if (candidates.size() == 1) return candidates.front();
    if (candidates.size() > 1) {
        throw Error::input("The folder holds several weights files and no index",
                           {.file = folder.string(),
                            .expected = "model.safetensors or model.safetensors.index.json",
                            .found = join(candidates, ", "),
                            .hint = "Open one of the files."});
    }
    if (!unread.empty()) {
        throw Error::input("The folder's weights are in a format that is not read in this version",
                           {.file = folder.string(),
                            .expected = "model.safetensors",
                            .found = join(unread, ", "),
                            .hint = unread_hint});
    }
    throw Error::input("The folder holds no weights",
                       {.file = folder.string(),
                        .expected = "model.safetensors or model.safetensors.index.json",
                        .found = "neither"});
}

Checkpoint assemble(const fs::path& folder, const std::string& weights, std::string name,
                    std::string source) {
    std::shared_ptr<const nlohmann::json> config;
    std::string config_path;
    auto files = open_file(folder, weights);
    if ((config = files.front()->configuration()) != nullptr) {
        config_path = weights;  // a file that describes itself, whatever lies beside it
    } else {
        load_config(folder, config, config_path);
    }
    Checkpoint checkpoint(std::move(name), std::move(source), std::move(config), std::move(files));
    checkpoint.set_config_path(config_path.empty() ? (folder / "config.json").string() : config_path);
    checkpoint.set_folder(folder.string());
    return checkpoint;
}

}  // namespace

Checkpoint open_folder(const std::string& folder, std::string name, std::string source) {
    return assemble(folder, member(folder, weights_of(folder)), std::move(name), std::move(source));
}

Checkpoint open_weights_file(const std::string& file, std::string name, std::string source) {
    const fs::path path(file);
    const std::string file_name = path.filename().string();
    if (is_unread_format(file_name)) {
        throw Error::input(
            "This format is not read in this version",
            {.file = file, .expected = "safetensors", .found = file_name, .hint = unread_hint});
    }
    if (file_name.ends_with(".json") && !file_name.ends_with(index_suffix)) {
        throw Error::input("This is not a file of weights", {.file = file,
                                                             .expected = ".safetensors or its .index.json",
                                                             .hint = "Open the folder that holds it."});
    }
    return assemble(path.has_parent_path() ? path.parent_path() : fs::path("."), file, std::move(name),
                    std::move(source));
}

std::string folder_member(const std::string& folder, const std::string& name) {
    return member(folder, name);
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

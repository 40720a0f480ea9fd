// From what a person writes as MODEL (interface.md) to an opened checkpoint.
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/folder.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/zoo.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

Checkpoint open_from_hub(const std::string& model, const HubId& id) {
    const auto snapshot = find_hub_snapshot(id);
    if (!snapshot) {
        throw Error::input(
            "There is no such file or folder, and the hub cache does not hold it",
            {.file = model,
             .expected = "a folder, a weights file, zoo:NAME, or a cached hub id",
             .found = "nothing in " + hub_cache_folder(),
             .hint = "Download it first: 'deadscope fetch " + printable(id.repository, 80) + "'."});
    }
    return open_folder(*snapshot, model, model);
}

// Where "#TOWER" begins, if the text ends in one.
std::size_t tower_mark(const std::string& model) {
    const std::size_t mark = model.rfind('#');
    if (mark == std::string::npos || mark == 0 || mark + 1 == model.size()) return std::string::npos;
    const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
    return std::all_of(model.begin() + static_cast<std::ptrdiff_t>(mark) + 1, model.end(), plain)
               ? mark
               : std::string::npos;
}

Checkpoint open_model(const std::string& model) {
    if (is_zoo_name(model)) return open_zoo_model(model);
    std::error_code error;
    const fs::file_status status =
        model.find('\0') == std::string::npos ? fs::status(model, error) : fs::file_status();
    if (fs::is_directory(status)) return open_folder(model, label_of(model), model);
    if (fs::exists(status)) {
        const fs::path path(model);
        const std::string file = path.filename().string();
        const bool generic =
            (file.starts_with("model") || file.starts_with("pytorch_model")) && path.has_parent_path();
        return open_weights_file(
            model, generic ? label_of(path.parent_path().string()) : path.stem().string(), model);
    }
    if (const auto id = parse_hub_id(model)) return open_from_hub(model, *id);
    throw Error::input("There is no such file or folder",
                       {.file = model,
                        .expected = "a folder, a weights file, zoo:NAME, or a cached hub id",
                        .found = "nothing"});
}

}  // namespace

// A file whose own name holds a # comes first.
Checkpoint open_checkpoint(const std::string& model) {
    const std::size_t mark = tower_mark(model);
    std::error_code error;
    if (mark == std::string::npos || fs::exists(fs::symlink_status(model, error))) return open_model(model);
    Checkpoint checkpoint = open_model(model.substr(0, mark));
    checkpoint.set_tower(model.substr(mark + 1));
    return checkpoint;
}

}  // namespace deadscope

// From what a person writes as MODEL (interface.md) to an opened checkpoint.
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
        throw Error::input("There is no such file or folder, and the hub cache does not hold it",
                           {.file = model,
                            .expected = "a folder, a weights file, zoo:NAME, or a cached hub id",
                            .found = "nothing in " + hub_cache_folder(),
                            .hint = "Download it first: 'deadscope fetch " +
                                    printable(id.repository, 80) + "'."});
    }
    return open_folder(*snapshot, model, model);
}

}  // namespace

Checkpoint open_checkpoint(const std::string& model) {
    if (is_zoo_name(model)) return open_zoo_model(model);
    std::error_code error;
    const fs::file_status status =
        model.find('\0') == std::string::npos ? fs::status(model, error) : fs::file_status();
    if (fs::is_directory(status)) return open_folder(model, label_of(model), model);
    if (fs::exists(status)) {
        const fs::path path(model);
        const bool generic = path.filename().string().starts_with("model") && path.has_parent_path();
        return open_weights_file(
            model, generic ? label_of(path.parent_path().string()) : path.stem().string(), model);
    }
    if (const auto id = parse_hub_id(model)) return open_from_hub(model, *id);
    throw Error::input("There is no such file or folder",
                       {.file = model,
                        .expected = "a folder, a weights file, zoo:NAME, or a cached hub id",
                        .found = "nothing"});
}

}  // namespace deadscope

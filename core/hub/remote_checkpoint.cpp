// See remote_checkpoint.h.
#include "core/hub/remote_checkpoint.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/json.h"
#include "core/checkpoint/safetensors.h"
#include "core/hub/parallel.h"

namespace deadscope {
namespace {

constexpr std::uint64_t config_limit = 32u << 20;   // bytes
constexpr std::uint64_t header_guess = 128u << 10;  // of a file, asked for in all shards at once

std::unique_ptr<WeightsFile> open_format(std::shared_ptr<const MappedFile> file, const std::string& name) {
    if (name.ends_with(".safetensors")) return open_safetensors(std::move(file));
    throw Error::input("This format is not read remotely", {.file = file->path(),
                                                            .expected = ".safetensors",
                                                            .found = name,
                                                            .hint = "Download it with 'deadscope fetch'."});
}

}  // namespace

void RemoteCheckpoint::prefetch(std::span<const TensorInfo* const> tensors) const {
    std::map<std::size_t, std::vector<FileRange>> of_file;
    for (const TensorInfo* tensor : tensors) of_file[tensor->file].push_back({tensor->offset, tensor->bytes});
    for (const auto& [file, ranges] : of_file) files_[file]->prefetch(ranges);
}

std::optional<RemoteCheckpoint> open_remote_checkpoint(HubSettings settings, const HubId& id, GoOn go_on,
                                                       const std::string& weights) {
    go_on = asked_here(std::move(go_on));  // the shards' heads are read on threads of their own
    RemoteCheckpoint remote;
    remote.client_ = std::make_unique<HubClient>(std::move(settings), go_on);
    HubClient& client = *remote.client_;
    auto listing = client.list(id);
    if (!listing) return std::nullopt;
    remote.listing_ = std::move(*listing);
    auto needed = needed_files(client, remote.listing_, weights);
    if (!needed) return std::nullopt;
    remote.needed_ = std::move(*needed);
    const std::string name = id.repository + (id.revision == "main" ? "" : "@" + id.revision);
    const std::string folder = "hub:" + id.repository + "@" + remote.listing_.commit;
    std::shared_ptr<const nlohmann::json> config;
    if (const HubFile* file = remote.listing_.find("config.json")) {
        const auto text = client.text(remote.listing_, *file, config_limit);
        if (!text) return std::nullopt;
        auto value = std::make_shared<nlohmann::json>(parse_json(*text, {.file = folder + "/config.json"}));
        (void)JsonObject(*value, folder + "/config.json");
        config = std::move(value);
    }
    for (const HubFile& file : remote.needed_.shards) {
        auto loader = std::make_shared<RemoteFile>(client.settings(), client.traffic(), go_on, id, file,
                                                   client.file_url(remote.listing_, file.path));
        remote.files_.push_back(MappedFile::lazy(folder + "/" + file.path, file.size, std::move(loader)));
    }
    const bool whole =
        for_each_connected(client.settings(), remote.files_.size(), RemoteReading{}.connections, go_on,
                           [&](HttpSession&, std::size_t i, const GoOn&) {
                               const FileRange head{0, std::min(header_guess, remote.files_[i]->size())};
                               remote.files_[i]->prefetch({&head, 1});
                               return true;
                           });
    if (!whole) return std::nullopt;
    std::vector<std::unique_ptr<WeightsFile>> opened;
    for (std::size_t i = 0; i < remote.files_.size(); ++i)
        opened.push_back(open_format(remote.files_[i], remote.needed_.shards[i].path));
    remote.checkpoint_ = std::make_unique<Checkpoint>(name, folder, std::move(config), std::move(opened));
    remote.checkpoint_->set_config_path(folder + "/config.json");
    return remote;
}

}  // namespace deadscope

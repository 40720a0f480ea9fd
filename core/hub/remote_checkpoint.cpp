// See remote_checkpoint.h.
#include "core/hub/remote_checkpoint.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/json.h"
#include "core/checkpoint/gguf.h"
#include "core/checkpoint/open_format.h"
#include "core/checkpoint/remote_source.h"
#include "core/hub/parallel.h"

namespace deadscope {
namespace {

constexpr std::uint64_t config_limit = 32u << 20;     // bytes
constexpr std::uint64_t header_guess = 128u << 10;    // of a file, asked for in all shards at once
constexpr std::uint64_t directory_guess = 64u << 10;  // of a zip: some 600 entries

// Before a zip's entry stands its header, which is read with it, and the entry is padded to a multiple of 64.
constexpr std::uint64_t before_entry = 512, after_entry = 256;  // bytes

FileRange range_of(const TensorInfo& tensor, const MappedFile& file) {
    if (file.path().ends_with(".safetensors") || file.path().ends_with(".gguf"))
        return {tensor.offset, tensor.bytes};
    const std::uint64_t begin = tensor.offset - std::min(tensor.offset, before_entry);
    const std::uint64_t end = std::min(file.size(), tensor.offset + tensor.bytes + after_entry);
    return {begin, end > begin ? end - begin : 0};
}

// Where a file's own description is: at its beginning, and of a zip at its end as well.
std::vector<FileRange> ends_of(const MappedFile& file) {
    std::vector<FileRange> ends{{0, std::min(header_guess, file.size())}};
    if (file.path().ends_with(".safetensors") || file.path().ends_with(".gguf")) return ends;
    const std::uint64_t tail = std::min(directory_guess, file.size());
    ends.push_back({file.size() - tail, tail});
    return ends;
}

// Parts of a split GGUF are opened together, since one of them describes all.
std::vector<std::unique_ptr<WeightsFile>> open_all(
    const std::vector<std::shared_ptr<const MappedFile>>& files) {
    if (files.size() > 1 && files.front()->path().ends_with(".gguf")) return open_gguf_parts(files);
    std::vector<std::unique_ptr<WeightsFile>> opened;
    for (const auto& file : files) opened.push_back(open_format(file, /*check_entries=*/false));
    return opened;
}

}  // namespace

void RemoteCheckpoint::prefetch(std::span<const TensorInfo* const> tensors) const {
    std::map<std::size_t, std::vector<FileRange>> of_file;
    for (const TensorInfo* tensor : tensors)
        of_file[tensor->file].push_back(range_of(*tensor, *files_[tensor->file]));
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
    const std::string folder = std::string(remote_source) + id.repository + "@" + remote.listing_.commit;
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
                               remote.files_[i]->prefetch(ends_of(*remote.files_[i]));
                               return true;
                           });
    if (!whole) return std::nullopt;
    auto opened = open_all(remote.files_);
    std::string config_path = folder + "/config.json";
    if (auto own = opened.front()->configuration()) {  // a GGUF describes itself
        config = std::move(own);
        config_path = remote.files_.front()->path();
    }
    remote.checkpoint_ = std::make_unique<Checkpoint>(name, folder, std::move(config), std::move(opened));
    remote.checkpoint_->set_config_path(config_path);
    return remote;
}

}  // namespace deadscope

// A checkpoint opened where it is, on the hub: headers are read by range requests, tensors as far as they are
// looked at. Nothing is written to the cache.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/hub/hub_client.h"
#include "core/hub/needed_files.h"
#include "core/hub/remote_file.h"

namespace deadscope {

// Thread rule: prefetch() from one thread at a time; the checkpoint as any other, while this lives.
class RemoteCheckpoint {
public:
    const Checkpoint& checkpoint() const { return *checkpoint_; }
    const HubListing& listing() const { return listing_; }
    const NeededFiles& needed() const { return needed_; }
    const HubTraffic& traffic() const { return *client_->traffic(); }
    // Brings these tensors in, several requests at once. Errors: as RemoteFile.
    void prefetch(std::span<const TensorInfo* const> tensors) const;

private:
    friend std::optional<RemoteCheckpoint> open_remote_checkpoint(HubSettings, const HubId&, GoOn,
                                                                  const std::string&);
    RemoteCheckpoint() = default;
    std::unique_ptr<HubClient> client_;  // holds the settings that the files refer to
    HubListing listing_;
    NeededFiles needed_;
    std::vector<std::shared_ptr<const MappedFile>> files_;  // as checkpoint().files()
    std::unique_ptr<Checkpoint> checkpoint_;
};

// `weights`: a file that the person named; empty: by choose_weights(). Nothing where cancelled. go_on is
// asked from the thread that reads. Errors: the hub's, the formats', and "stopped" where a reader was
// cancelled.
std::optional<RemoteCheckpoint> open_remote_checkpoint(HubSettings settings, const HubId& id, GoOn go_on = {},
                                                       const std::string& weights = {});

}  // namespace deadscope

// A checkpoint fetched into the hub's cache as the Python library keeps it (blobs, snapshots, refs), so that
// both use it. A fetch that was cancelled, killed or cut goes on where it ended.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/hub/hub_client.h"
#include "core/hub/needed_files.h"

namespace deadscope {

struct FetchProgress {
    std::uint64_t bytes = 0, bytes_total = 0;  // of the files needed, what was there counted
    std::uint64_t bytes_received = 0;          // of these, over the network in this run
    std::size_t files = 0, files_total = 0;    // whole ones
};

struct FetchOptions {
    std::string weights;  // the file of weights to take; empty: by choose_weights()
    std::size_t connections = 4;
    // Called about every 50 ms from the thread that called; false: stop.
    std::function<bool(const FetchProgress&)> progress = {};
};

struct FetchResult {
    HubListing listing;
    std::string snapshot;  // the folder to open
    std::string weights;   // the file in it that is the checkpoint
    FetchProgress done;
    std::uint64_t bytes_resumed = 0;  // that an earlier fetch had left incomplete
};

// Nothing where cancelled: what came stays, and the next fetch goes on with it. The reference of a branch is
// written last: until then it names the commit that it named before.
// Errors: the hub's; Error::resource where the disk has too little room, before anything is fetched; contents
// that are not what the listing names, fetched twice.
std::optional<FetchResult> fetch_checkpoint(HubSettings settings, const HubId& id,
                                            const FetchOptions& options);

}  // namespace deadscope

// Which files of a repository a checkpoint needs: the configuration, the weights by the order in which a
// folder is opened (checkpoint/folder), what its inputs are made with. The rest of a repository stays where
// it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/hub/hub_client.h"

namespace deadscope {

// The name of the weights to open, of those in the repository's own folder, by the order of weights_choice.h.
// Errors: as there.
std::string choose_weights(const HubListing& listing);

struct NeededFiles {
    std::string weights;          // the file to open: weights, or the index of shards
    std::vector<HubFile> shards;  // the weights themselves, in the order of their names
    std::vector<HubFile> beside;  // configuration first, index, tokenizer, preprocessing
    std::uint64_t bytes() const;
};

// `chosen`: a weights file or index that the person named; empty: by the order above. Nothing where
// cancelled (an index is read). Errors: a file that is not there; a shard with no plain name.
std::optional<NeededFiles> needed_files(HubClient& client, const HubListing& listing,
                                        const std::string& chosen = {});

}  // namespace deadscope

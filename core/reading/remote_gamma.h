// γ of a checkpoint on the hub without its download: headers and norm tensors by range requests alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/checkpoint/hub_cache.h"
#include "core/hub/settings.h"
#include "core/reading/reading.h"

namespace deadscope {

struct RemoteGamma {
    GammaReading gamma;
    std::string commit, weights;                       // what was read
    std::uint64_t bytes_fetched = 0, bytes_total = 0;  // of the weights and what is beside them
    std::uint64_t requests = 0;
};

// Nothing where cancelled: go_on is asked at least every 200 ms, from the calling thread. `weights`: the file
// to read, where the repository holds several.
// Errors: the hub's and the formats'. The reading can make no forward pass, and says why.
std::optional<RemoteGamma> read_gamma_remotely(HubSettings settings, const HubId& id,
                                               const std::function<bool()>& go_on = {},
                                               const std::string& weights = {});

// "1.5 MB of 24 GB fetched in 12 requests"
std::string remote_words(const RemoteGamma& remote);

}  // namespace deadscope

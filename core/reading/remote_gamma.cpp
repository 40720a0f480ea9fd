// See remote_gamma.h.
#include "core/reading/remote_gamma.h"

#include "core/base/error.h"
#include "core/hub/remote_checkpoint.h"
#include "core/model/norms.h"
#include "core/reading/analyze.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

RemoteGamma read(const RemoteCheckpoint& remote) {
    std::vector<const TensorInfo*> tensors;
    for (const NormSpec& spec : find_norms(remote.checkpoint())) {
        for (const std::string* name : {&spec.weight, &spec.bias}) {
            const TensorInfo* tensor = name->empty() ? nullptr : remote.checkpoint().find(*name);
            if (tensor != nullptr) tensors.push_back(tensor);
        }
    }
    remote.prefetch(tensors);
    RemoteGamma out;
    out.gamma = read_gamma(remote.checkpoint());
    out.gamma.model.forward_supported = false;
    out.gamma.model.forward_error =
        "Only γ was read: the weights are on the hub. Download the model to run it.";
    out.commit = remote.listing().commit;
    out.weights = remote.needed().weights;
    out.bytes_total = remote.needed().bytes();
    out.bytes_fetched = remote.traffic().bytes;
    out.requests = remote.traffic().requests;
    return out;
}

}  // namespace

std::optional<RemoteGamma> read_gamma_remotely(HubSettings settings, const HubId& id,
                                               const std::function<bool()>& go_on,
                                               const std::string& weights) {
    // A reader of a format has no way to return that it was stopped, so it throws; here it becomes a value
    // again.
    bool stopped = false;
    const GoOn watched = [&] {
        if (!goes_on(go_on)) stopped = true;
        return !stopped;
    };
    try {
        const auto remote = open_remote_checkpoint(std::move(settings), id, watched, weights);
        if (!remote) return std::nullopt;
        return read(*remote);
    } catch (const Error&) {
        if (stopped) return std::nullopt;
        throw;
    }
}

std::string remote_words(const RemoteGamma& remote) {
    return bytes_text(remote.bytes_fetched) + " of " + bytes_text(remote.bytes_total) + " fetched in " +
           counted(remote.requests, "request");
}

}  // namespace deadscope

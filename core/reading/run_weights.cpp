// See run_weights.h.
#include "core/reading/run_weights.h"

namespace deadscope {

RunWeights run_weights(const std::string& model, const Checkpoint& checkpoint, Init init,
                       std::uint64_t seed) {
    RunWeights result;
    if (init == Init::trained) {
        result.source = trained_weights(checkpoint);
        result.init_source = "checkpoint";
    } else if (const auto initial = initial_snapshot_of(model)) {
        result.snapshot = std::make_unique<Checkpoint>(open_checkpoint(*initial));
        result.source = trained_weights(*result.snapshot);
        result.init_source = "step 0 snapshot";
    } else {
        result.source = random_twin(checkpoint, seed);
        result.init_source = "simulated twin";
    }
    return result;
}

}  // namespace deadscope

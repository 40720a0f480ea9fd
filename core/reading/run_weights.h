// The weights of one run: the checkpoint's own, the step-0 snapshot of its series, or the simulated
// random-initialisation twin where there is none (math.md §5).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/model/weights.h"
#include "core/reading/reading.h"

namespace deadscope {

struct RunWeights {
    std::unique_ptr<Checkpoint> snapshot;  // step 0, where it is a checkpoint of its own; else null
    std::unique_ptr<WeightSource> source;  // reads from snapshot or from the checkpoint that was passed in
    std::string init_source;               // "checkpoint", "step 0 snapshot", "simulated twin"
};

// `checkpoint` is what `model` names, and must outlive the result.
RunWeights run_weights(const std::string& model, const Checkpoint& checkpoint, Init init, std::uint64_t seed);

}  // namespace deadscope

// The eigenvalues panel while the pass is at work, or after it was cancelled.
#pragma once

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

// There is no spectrum of the final norm yet: the span of eigenvalues behind each block that is through.
void draw_eigenvalues_so_far(const ExplorerState& state, const OpenModel& model, Intents& intents);

}  // namespace deadscope

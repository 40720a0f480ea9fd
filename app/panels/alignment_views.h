// The view of the alignment panel that has a file of its own.
#pragma once

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

// The selected model's overlaps and those of the other shown ones. It has a complete run.
void draw_all_directions(const ExplorerState& state, const OpenModel& model, Intents& intents, float height);

}  // namespace deadscope

// The settings of a pass as a window; what they mean is ReadingSettings'.
#pragma once

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

void draw_run_settings(const ExplorerState& state, Intents& intents);

}  // namespace deadscope

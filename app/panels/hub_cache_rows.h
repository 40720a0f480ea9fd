// What the hub cache holds, as rows to open: in the Models panel and in the dialog of the hub.
#pragma once

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

// Asks for the cache to be looked through at its first call. Draws nothing where it is empty.
void draw_hub_cache(const ExplorerState& state, Intents& intents);

}  // namespace deadscope

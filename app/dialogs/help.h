// The help window (F1): what the panels answer and the shortcuts.
#pragma once

#include "app/intents.h"

namespace deadscope {

void draw_help(Intents& intents);

}  // namespace deadscope

// The About box: version, source of the mathematics, third-party software with its licences.
#pragma once

#include "app/intents.h"

namespace deadscope {

void draw_about(Intents& intents);

}  // namespace deadscope

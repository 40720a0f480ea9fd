// The help window (F1): what the panels answer, the shortcuts, and how to write activations for the reading
// without a model.
#pragma once

#include <string_view>

#include "app/intents.h"

namespace deadscope {

void draw_help(const ExplorerState& state, Intents& intents);
// The PyTorch hook that writes a norm's output and its γ, as it stands in README.md.
std::string_view activations_hook();

}  // namespace deadscope

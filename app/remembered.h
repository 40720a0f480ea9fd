// The person's view settings between two starts: a small JSON file in the settings folder. The docking layout
// is kept beside it by the runner.
#pragma once

#include <string>

#include "app/state.h"

namespace deadscope {

// $XDG_CONFIG_HOME/deadscope, or ~/.config/deadscope; it may not exist yet.
std::string settings_folder();

// What the file does not say, or says in a way that is not understood, stays as it is.
void load_view(ViewState& view);
// A folder that cannot be written is no reason to keep the window from closing: nothing is saved then.
void save_view(const ViewState& view);

}  // namespace deadscope

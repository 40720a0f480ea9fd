// Open from the hub: an id to type, what the hub has under it, γ without a download or the download. What is
// asked and fetched is the controller's.
#pragma once

#include <string>

#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

// Thread rule: the window's thread only.
class HubDialog {
public:
    void draw(const ExplorerState& state, Intents& intents);

private:
    std::string model() const;  // the MODEL string of what was typed
    void draw_question(const ExplorerState& state, Intents& intents);

    std::string repository_, revision_;
};

}  // namespace deadscope

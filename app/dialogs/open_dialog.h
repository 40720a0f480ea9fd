// The Open dialog: a name to type, the desktop's own choosers, the built-in models. What is chosen is opened
// by the explorer; no file is looked at here.
#pragma once

#include <string>
#include <vector>

#include "app/dialogs/desktop_chooser.h"
#include "app/intents.h"

namespace deadscope {

// Thread rule: the window's thread only.
class OpenDialog {
public:
    void draw(Intents& intents);
    std::vector<std::string> take_chosen();  // by the desktop's chooser, since the last call
    bool waiting() const { return chooser_.waiting(); }

private:
    void choose(std::string model, Intents& intents);
    void draw_choosers(Intents& intents);

    std::string text_;
    DesktopChooser chooser_;
    std::vector<std::string> chosen_;
};

}  // namespace deadscope

// The Open dialog: a name to type, the desktop's own choosers, the built-in models. What is chosen is opened
// by the explorer; no file is looked at here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/intents.h"

namespace deadscope {

// Thread rule: the window's thread only.
class OpenDialog {
public:
    OpenDialog();
    ~OpenDialog();

    void draw(Intents& intents);
    std::vector<std::string> take_chosen();  // by the desktop's chooser, since the last call
    bool waiting() const;                    // a chooser is open

private:
    struct Chooser;
    void choose(std::string model, Intents& intents);

    std::string text_;
    std::unique_ptr<Chooser> chooser_;
    std::vector<std::string> chosen_;
};

}  // namespace deadscope

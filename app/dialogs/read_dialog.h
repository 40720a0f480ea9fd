// Read activations: the output of a norm in a file, its γ, and what else is known of them. What is typed is
// state (ReadForm), so that a drop or a failed reading can fill it in; the reading is the controller's.
#pragma once

#include "app/dialogs/desktop_chooser.h"
#include "app/intents.h"
#include "app/state.h"

namespace deadscope {

// Thread rule: the window's thread only.
class ReadDialog {
public:
    void draw(const ExplorerState& state, Intents& intents);
    bool waiting() const { return chooser_.waiting(); }

private:
    enum class Field { file, gamma, beta, input };
    bool draw_path(const char* id, const char* hint, std::string& path, Field field, float reserved);
    void draw_file(const ExplorerState& state, ReadForm& form, Intents& intents);
    bool draw_gamma(const ExplorerState& state, ReadForm& form);
    void draw_more(ReadForm& form);
    void take_chosen(ReadForm& form);

    DesktopChooser chooser_;
    Field chosen_for_ = Field::file;
    bool typing_ = false;  // in a path, so that it is not looked into yet
};

// A file that can only hold activations, by its name: .npy, .npz.
bool is_activations_name(const std::string& path);
// The form for this file: what was typed for another is not kept.
void show_read_dialog(const std::string& file, Intents& intents);

}  // namespace deadscope

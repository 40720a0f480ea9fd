// The explorer's window apart from its panels: the frame's order, layout, menus, toolbar, shortcuts, dialogs.
// The same object stands behind the window on a display, the picture off-screen and the tests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/controller.h"
#include "app/frame_times.h"
#include "app/intents.h"
#include "app/state.h"

namespace HelloImGui {
struct RunnerParams;
}

namespace deadscope {

class HubDialog;
class OpenDialog;
class ReadDialog;

struct ExplorerOptions {
    std::vector<std::string> models;  // opened at the start
    ReadingSettings settings;
    std::optional<ThemeKind> theme;  // empty: as remembered, dark at first
    bool remember = true;            // reads and writes the person's settings folder
    std::string only_panel;          // slug of the one panel that fills the window; empty: the whole explorer
    int width = 1280, height = 800;  // logical pixels
    float scale = 1.f;               // of text and lines, on top of the display's
    bool watched = false;            // passes give way to the window's thread
    std::size_t kept_frames = 600;   // whose times are kept
};

// Thread rule: the window's thread only.
class Explorer {
public:
    explicit Explorer(ExplorerOptions options);
    ~Explorer();
    Explorer(const Explorer&) = delete;
    Explorer& operator=(const Explorer&) = delete;

    // Fills in everything but the platform; the parameters must not outlive the explorer's run.
    void configure(HelloImGui::RunnerParams& params);

    Controller& controller() { return controller_; }
    Intents& intents() { return intents_; }
    const FrameTimes& frame_times() const { return frame_times_; }
    // As typed or dropped: "~" and "file://" are understood; .npy and .npz open the dialog that reads
    // activations.
    void open(const std::string& model);

private:
    void before_frame();
    void time_frames();
    void draw_chrome();
    void draw_single_panel();
    void draw_menus();
    void draw_toolbar();
    void draw_progress(float right);
    void handle_shortcuts();
    void follow_theme();
    void follow_panel_windows();
    void toggle_full_screen();
    void lay_out(HelloImGui::RunnerParams& params);
    void receive_drops();
    void take_drop(const std::string& path);
    void save_view() const;

    ExplorerOptions options_;
    Intents intents_;
    Controller controller_;
    std::unique_ptr<OpenDialog> open_dialog_;
    std::unique_ptr<HubDialog> hub_dialog_;
    std::unique_ptr<ReadDialog> read_dialog_;
    HelloImGui::RunnerParams* params_ = nullptr;
    std::vector<bool> panel_was_open_;  // as the windows were last told, in the order of panels()
    std::optional<ThemeKind> applied_theme_;
    float applied_scale_ = 0.f;
    int frames_ = 0;
    FrameTimes frame_times_{options_.kept_frames};
    struct Placement {
        int x, y, width, height;
    };
    std::optional<Placement> before_full_screen_;
};

// The built-in models as MODEL strings: what the first window opens.
std::vector<std::string> built_in_models();

}  // namespace deadscope

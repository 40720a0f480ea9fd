// The explorer's two ways to be seen: a window on a display, and a picture drawn off-screen. The command
// line (app/commands) fills the options; everything graphical is loaded from here on, not before.
#pragma once

#include <string>
#include <vector>

#include "app/state.h"
#include "core/reading/analyze.h"

namespace deadscope {

struct WindowOptions {
    std::vector<std::string> models;  // MODEL strings; empty: the built-in models
    ReadingSettings settings;
    std::optional<ThemeKind> theme;  // empty: as remembered, dark at first
    int width = 1280, height = 800;  // of the window at first start, logical pixels
    std::string frame_times;         // CSV, written when the window is closed; empty: none
};

// True where a window can be opened (X11 or Wayland announced by the environment).
bool display_available();

// Returns the exit status once the window was closed. Errors: Error::resource where no window or no
// OpenGL 3.3 can be had.
int run_window(const WindowOptions& options);

struct SnapshotOptions {
    std::vector<std::string> models;
    ReadingSettings settings;
    std::string panel = "window";  // a panel's slug (panels.h), or "window" for all of it
    std::string out;               // PNG; written beside and renamed
    ThemeKind theme = ThemeKind::dark;
    int width = 1280, height = 800;  // pixels of the picture
    float scale = 1.0f;              // of text and lines
};

// Opens the models, runs every pass to its end, draws once it has settled. No display needed.
// Errors: Error::usage for an unknown panel (the message lists them), Error::resource without EGL or OSMesa,
// and a model's own error when it does not open.
void snapshot(const SnapshotOptions& options);

}  // namespace deadscope

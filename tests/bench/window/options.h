// What the frame-time bench is asked for on its command line.
#pragma once

#include <optional>
#include <string>

#include "app/state.h"

namespace deadscope {

struct BenchOptions {
    int frames = 200;  // a scene
    int width = 1280, height = 800;
    std::optional<ThemeKind> theme = ThemeKind::dark;
    std::string scene;  // the one to run; empty: all
    std::string out;    // folder for a picture of each scene's last frame; empty: none
    bool json = false;  // on standard output, instead of a table
};
// Errors: Error::usage for what is not known.
BenchOptions parse_bench_options(int argc, char** argv);

}  // namespace deadscope

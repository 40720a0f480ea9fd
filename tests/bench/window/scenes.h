// The scenes of the frame-time bench: what is on the screen, what is at work, and what the person does.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "app/explorer.h"
#include "tests/bench/window/options.h"

namespace deadscope {

struct Scene {
    const char* name;
    const char* words;  // in the table
    bool at_work;       // a pass runs, and a wide reading grows
    std::function<void(Explorer&)> begin;
    std::function<void(Explorer&, int frame)> step;  // before each frame: the pointer, the keys
};
// Errors: Error::usage for a name that is none.
std::vector<Scene> chosen_scenes(const BenchOptions& options);

// Wide readings beside the built-in models, and the work in the background.
// Thread rule: the window's thread.
class Load {
public:
    Load();
    void begin(Explorer& explorer);
    void step(Explorer& explorer, bool at_work);
    void end(Explorer& explorer);

private:
    using Clock = std::chrono::steady_clock;
    std::vector<std::shared_ptr<const Reading>> growing_;  // the same reading with 1, 2, ... blocks
    std::size_t grown_ = 0;
    Clock::time_point next_{};
    bool ran_ = false;
};

}  // namespace deadscope

// Progress and cancellation are one call: the worker reports where it is and is told whether to go on.
// Cancellation is a value that travels up by return, never an exception.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace deadscope {

struct ProgressUpdate {
    std::string_view phase;  // "weights", "forward", "spectra": valid during the call only
    std::size_t block = 0;   // 0-based block at work; == blocks for what comes after the last
    std::size_t blocks = 0;  // number of blocks of the model
    double fraction = 0.0;   // of the whole run, 0..1, never decreasing
    std::size_t tokens = 0;  // tokens of the run
};

// Returns false to stop. Called from the thread that works, between steps of at most some tens of
// milliseconds; an empty function means "go on".
using Progress = std::function<bool(const ProgressUpdate&)>;

inline bool proceed(const Progress& progress, const ProgressUpdate& update) {
    return !progress || progress(update);
}

}  // namespace deadscope

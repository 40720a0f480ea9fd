// Keeps the queue of the device short: the host waits where more than some 50 ms of work stand in it, so that
// a pass that is cancelled ends soon and the GPU is free for the window.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include "core/backend/cuda/device.h"

namespace deadscope::cuda {

// What an operation is about to take, counted by the caller.
struct Cost {
    double operations = 0.0;  // of floating point
    double bytes = 0.0;       // read and written
    bool doubles = false;     // the operations are in double precision
};

// How long work takes is learnt from the work: it is cut into slices between two events, and the last slices,
// beside their counted cost, set the scale: the second slowest, since the slowest may have stood still in its
// middle. Thread rule: one thread at a time.
class Throttle {
public:
    explicit Throttle(cudaStream_t stream) : stream_(stream) {}

    // An operation is about to be queued on the stream. Waits where too much stands before it.
    void before(const Cost& cost);
    // Nothing will be queued for a while: what comes then is another slice.
    void pause();
    // All that was queued is done (the stream was waited for).
    void drained();

    double waiting_s() const { return waiting_ * scale(); }  // of the queue, as far as is known

private:
    struct Slice {
        Event begin, end;
        double cost = 0.0;  // seconds of a slow GPU
        std::size_t operations = 0;
    };
    double scale() const;
    bool learnt() const { return learnt_ > 0; }
    void close();
    void finish_oldest(bool waited);

    cudaStream_t stream_;
    Slice open_;                        // operations == 0: not begun
    std::deque<Slice> queued_;          // closed ones, oldest first
    double waiting_ = 0.0;              // their cost
    std::vector<Slice> spare_;          // their events are used again
    std::array<double, 4> measured_{};  // true seconds per counted one, of the last slices
    std::size_t learnt_ = 0;            // slices measured so far
};

}  // namespace deadscope::cuda

// How long the window's thread itself works on a frame: taking over results, the panels, and ImGui's own
// draw lists. What draws these (the GPU, or a software rasteriser) and the wait for the display are not in
// it.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <vector>

namespace deadscope {

struct FrameTime {
    double wall_s = 0.0;
    double cpu_s = 0.0;  // of the window's thread alone: what a busy machine adds is not in it
};

struct FrameSummary {
    std::size_t frames = 0;  // that it sums up
    double median_s = 0.0, p99_s = 0.0, worst_s = 0.0;
};
FrameSummary summary_of(std::vector<double> seconds);

// A stopwatch and the last frames it measured. Thread rule: the window's thread only.
class FrameTimes {
public:
    explicit FrameTimes(std::size_t kept = 600) : kept_(kept) {}

    void begin();
    void end();                                     // without a begin(): nothing
    std::size_t frames() const { return frames_; }  // measured so far
    std::vector<FrameTime> last() const;            // oldest first, as many as are kept
    FrameSummary cpu() const;                       // of the kept frames
    FrameSummary wall() const;

private:
    std::size_t kept_, frames_ = 0;
    std::vector<FrameTime> ring_;
    FrameTime begun_;
    bool running_ = false;
};

// Columns frame, wall_ms, cpu_ms.
void write_frame_times(std::ostream& out, const FrameTimes& times);

}  // namespace deadscope

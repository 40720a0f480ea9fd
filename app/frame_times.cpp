// Two clocks of POSIX around a frame, and order statistics of what they said; see frame_times.h.
#include "app/frame_times.h"

#include <algorithm>
#include <ctime>
#include <ostream>

namespace deadscope {
namespace {

double seconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

FrameTime both_clocks() {
    return {seconds(CLOCK_MONOTONIC), seconds(CLOCK_THREAD_CPUTIME_ID)};
}

std::vector<double> column(const std::vector<FrameTime>& times, double FrameTime::*which) {
    std::vector<double> values;
    values.reserve(times.size());
    for (const FrameTime& time : times) values.push_back(time.*which);
    return values;
}

}  // namespace

FrameSummary summary_of(std::vector<double> values) {
    FrameSummary summary{.frames = values.size()};
    if (values.empty()) return summary;
    std::ranges::sort(values);
    const std::size_t last = values.size() - 1;
    summary.median_s = values[last / 2];
    summary.p99_s = values[last * 99 / 100];
    summary.worst_s = values[last];
    return summary;
}

void FrameTimes::begin() {
    begun_ = both_clocks();
    running_ = true;
}

void FrameTimes::end() {
    if (!running_) return;
    running_ = false;
    const FrameTime now = both_clocks();
    const FrameTime took{now.wall_s - begun_.wall_s, now.cpu_s - begun_.cpu_s};
    if (ring_.size() < kept_) {
        ring_.push_back(took);
    } else if (kept_ > 0) {
        ring_[frames_ % kept_] = took;
    }
    ++frames_;
}

std::vector<FrameTime> FrameTimes::last() const {
    std::vector<FrameTime> times = ring_;
    if (kept_ > 0 && ring_.size() == kept_)
        std::ranges::rotate(times, times.begin() + static_cast<std::ptrdiff_t>(frames_ % kept_));
    return times;
}

FrameSummary FrameTimes::cpu() const {
    return summary_of(column(ring_, &FrameTime::cpu_s));
}

FrameSummary FrameTimes::wall() const {
    return summary_of(column(ring_, &FrameTime::wall_s));
}

void write_frame_times(std::ostream& out, const FrameTimes& times) {
    const std::vector<FrameTime> last = times.last();
    std::size_t frame = times.frames() - last.size();
    out << "frame,wall_ms,cpu_ms\n";
    for (const FrameTime& time : last)
        out << frame++ << ',' << time.wall_s * 1e3 << ',' << time.cpu_s * 1e3 << '\n';
}

}  // namespace deadscope

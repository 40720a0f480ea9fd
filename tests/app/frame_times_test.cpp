// What is measured of frames, and which of them are kept.
#include "app/frame_times.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <sstream>

namespace deadscope {
namespace {

TEST(FrameTimes, SummaryIsOfOrderStatistics) {
    std::vector<double> seconds(200);
    std::iota(seconds.begin(), seconds.end(), 1.0);
    std::swap(seconds.front(), seconds.back());
    const FrameSummary summary = summary_of(seconds);
    EXPECT_EQ(summary.frames, 200u);
    EXPECT_EQ(summary.median_s, 100.0);
    EXPECT_EQ(summary.p99_s, 198.0);
    EXPECT_EQ(summary.worst_s, 200.0);
    EXPECT_EQ(summary_of({}).frames, 0u);
    EXPECT_EQ(summary_of({3.0}).p99_s, 3.0);
}

TEST(FrameTimes, KeepsTheLastInTheirOrder) {
    FrameTimes times(3);
    times.end();  // never begun
    EXPECT_EQ(times.frames(), 0u);
    for (int frame = 0; frame < 5; ++frame) {
        times.begin();
        times.end();
        times.end();  // once only
    }
    EXPECT_EQ(times.frames(), 5u);
    EXPECT_EQ(times.last().size(), 3u);
    EXPECT_EQ(times.cpu().frames, 3u);
    for (const FrameTime& time : times.last()) {
        EXPECT_GE(time.wall_s, 0.0);
        EXPECT_GE(time.cpu_s, 0.0);
    }
    std::ostringstream text;
    write_frame_times(text, times);
    EXPECT_EQ(text.str().substr(0, 23), "frame,wall_ms,cpu_ms\n2,");
    const std::string csv = text.str();
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

}  // namespace
}  // namespace deadscope

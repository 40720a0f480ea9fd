// Fewer points with the same picture: ImPlot draws every point it is given, and a spectrum of a large model
// has more of them than the plot has pixel columns. Knows nothing of a window.
#pragma once

#include <imgui.h>

#include <cstddef>
#include <span>
#include <vector>

#include "app/plots/ticks.h"

namespace deadscope {

// From the data to pixels along one axis, linear or logarithmic; a plot's ends give it.
class AxisMap {
public:
    AxisMap() = default;
    AxisMap(Range data, float pixel_low, float pixel_high, bool log);
    float operator()(double value) const;  // what is not positive lies far below a log axis
    double inverse(double pixel) const;

private:
    double low_ = 0.0, pixel_low_ = 0.0, scale_ = 1.0;
    bool log_ = false;
};

// Of values at x = first, first + 1, ..., before anything is turned into pixels, and of the part in view
// only, with one point beyond it on either side: the places to draw, ascending. Keeps of every column the
// lowest and the highest; the first and the last too where the column next to it lies wholly above or below
// it, for then the way there is to be seen. pixels: of the view's left and right edge.
std::vector<std::size_t> decimate(std::span<const double> values, double first, const AxisMap& x,
                                  Range pixels, float column_px = 1.0f);

// Of points that fall into the same cell of `cell_px` pixels, the first: what a cloud of marks shows.
std::vector<ImVec2> thin(std::span<const ImVec2> points, ImVec2 low, ImVec2 high, float cell_px);

// The part of the segment from a to b inside the rectangle, as shares of it; false where none is.
bool clip_segment(ImVec2 a, ImVec2 b, ImVec2 low, ImVec2 high, float& from, float& to);

}  // namespace deadscope

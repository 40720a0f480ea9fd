// Fewer points with the same picture: ImPlot draws every point it is given, and a spectrum of a large model
// has more of them than the plot has pixel columns. Knows nothing of a window.
#pragma once

#include <imgui.h>

#include <span>
#include <vector>

namespace deadscope {

// points: in pixels, x ascending. Keeps of every column of `column_px` pixels the first, lowest, highest and
// last point, so that no spike and no step is lost. Fewer than four points a column are returned as they are.
std::vector<ImVec2> decimate(std::span<const ImVec2> points, float column_px = 1.0f);

}  // namespace deadscope

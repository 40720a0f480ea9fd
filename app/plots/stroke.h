// A solid line through many points, some of which turn back: ImGui's own polyline narrows to nothing at the
// tip of a steep spike, so that what it is there to show is lost. Knows nothing of plots.
#pragma once

#include <imgui.h>

#include <span>

namespace deadscope {

// points: finite, in pixels. As smooth at its edges as ImGui's lines; every point is reached at full width.
void stroke(ImDrawList& list, std::span<const ImVec2> points, ImU32 colour, float width);

}  // namespace deadscope

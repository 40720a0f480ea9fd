// The marks of look.md, drawn into an ImGui draw list: the shape and line of each meaning, dashes, bands with
// a hatch. ImPlot has none of these dashed or hatched.
#pragma once

#include <imgui.h>

#include <span>
#include <string_view>

namespace deadscope {

enum class Dash { solid, dashes, dash_dot, long_dashes, dots };
enum class Shape { circle, diamond, down_triangle, square, cross };

struct LineStyle {
    ImVec4 colour;
    float width = 2.0f;  // pixels
    Dash dash = Dash::solid;
};

// Points that are not finite break the line.
void draw_line(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style);
// Hollow: clipped to the plot's edge, or a value with a doubt.
void draw_mark(ImDrawList& list, ImVec2 at, Shape shape, float radius, const ImVec4& colour,
               bool hollow = false);
// Grey band with diagonal stripes; `colour` carries the band's own strength.
void draw_hatched(ImDrawList& list, ImVec2 low, ImVec2 high, const ImVec4& colour);
// Text on a pale plate of `ground`, readable over lines that still show through.
void draw_text_on(ImDrawList& list, ImVec2 at, const ImVec4& colour, const ImVec4& ground,
                  std::string_view text);

ImVec4 faded(const ImVec4& colour, float alpha);
ImU32 packed(const ImVec4& colour);
inline bool finite(ImVec2 point) {                             // asked of every point in every frame
    return (point.x - point.x) + (point.y - point.y) == 0.0f;  // ∞ - ∞ is not a number
}

}  // namespace deadscope

// Lines, marks, bands and text on a plate; see marks.h.
#include "app/plots/marks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace deadscope {
namespace {

// Lengths of pen down and pen up, in line widths.
std::span<const float> pattern(Dash dash) {
    static constexpr std::array<float, 2> dashes{4.0f, 2.5f}, long_dashes{9.0f, 3.0f}, dots{1.0f, 2.0f};
    static constexpr std::array<float, 4> dash_dot{5.0f, 2.5f, 1.0f, 2.5f};
    switch (dash) {
        case Dash::dashes:
            return dashes;
        case Dash::dash_dot:
            return dash_dot;
        case Dash::long_dashes:
            return long_dashes;
        case Dash::dots:
            return dots;
        case Dash::solid:
            break;
    }
    return {};
}

// Walks along the line with the pen's pattern; a dash bends where the line does.
void draw_dashed(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    const std::span<const float> lengths = pattern(style.dash);
    const ImU32 colour = packed(style.colour);
    std::size_t phase = 0;
    float left = lengths[0] * style.width;
    std::vector<ImVec2> stroke{points[0]};
    const auto lift = [&] {
        if (phase % 2 == 0 && stroke.size() > 1) {
            list.AddPolyline(stroke.data(), static_cast<int>(stroke.size()), colour, 0, style.width);
        }
        stroke.clear();
    };
    for (std::size_t i = 1; i < points.size(); ++i) {
        ImVec2 at = points[i - 1];
        float length = std::hypot(points[i].x - at.x, points[i].y - at.y);
        while (length > left) {
            const float share = left / length;
            at = {at.x + (points[i].x - at.x) * share, at.y + (points[i].y - at.y) * share};
            length -= left;
            stroke.push_back(at);
            lift();
            phase = (phase + 1) % lengths.size();
            left = lengths[phase] * style.width;
            stroke.push_back(at);
        }
        left -= length;
        stroke.push_back(points[i]);
    }
    lift();
}

void draw_run(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    if (points.size() < 2) return;
    if (style.dash == Dash::solid) {
        list.AddPolyline(points.data(), static_cast<int>(points.size()), packed(style.colour), 0,
                         style.width);
    } else {
        draw_dashed(list, points, style);
    }
}

}  // namespace

ImVec4 faded(const ImVec4& colour, float alpha) {
    return {colour.x, colour.y, colour.z, colour.w * alpha};
}
ImU32 packed(const ImVec4& colour) {
    return ImGui::ColorConvertFloat4ToU32(colour);
}
bool finite(ImVec2 point) {
    return std::isfinite(point.x) && std::isfinite(point.y);
}

void draw_line(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= points.size(); ++i) {
        if (i == points.size() || !finite(points[i])) {
            draw_run(list, points.subspan(begin, i - begin), style);
            begin = i + 1;
        }
    }
}

void draw_mark(ImDrawList& list, ImVec2 at, Shape shape, float radius, const ImVec4& colour, bool hollow) {
    if (!finite(at)) return;
    const ImU32 ink = packed(colour);
    const float r = radius, width = std::max(1.2f, radius * 0.35f);
    std::array<ImVec2, 4> corners{};
    int count = 4;
    switch (shape) {
        case Shape::circle:
            if (hollow) {
                list.AddCircle(at, r, ink, 0, width);
            } else {
                list.AddCircleFilled(at, r, ink);
            }
            return;
        case Shape::cross:
            list.AddLine({at.x - r, at.y - r}, {at.x + r, at.y + r}, ink, width);
            list.AddLine({at.x - r, at.y + r}, {at.x + r, at.y - r}, ink, width);
            return;
        case Shape::diamond: {
            const float d = r * 1.25f;
            corners = {ImVec2{at.x, at.y - d}, {at.x + d, at.y}, {at.x, at.y + d}, {at.x - d, at.y}};
            break;
        }
        case Shape::down_triangle: {
            const float d = r * 1.2f;
            corners = {ImVec2{at.x - d, at.y - d * 0.7f}, {at.x + d, at.y - d * 0.7f}, {at.x, at.y + d}, {}};
            count = 3;
            break;
        }
        case Shape::square:
            corners = {
                ImVec2{at.x - r, at.y - r}, {at.x + r, at.y - r}, {at.x + r, at.y + r}, {at.x - r, at.y + r}};
            break;
    }
    if (hollow) {
        list.AddPolyline(corners.data(), count, ink, ImDrawFlags_Closed, width);
    } else {
        list.AddConvexPolyFilled(corners.data(), count, ink);
    }
}

void draw_hatched(ImDrawList& list, ImVec2 low, ImVec2 high, const ImVec4& colour) {
    if (!(high.x > low.x) || !(high.y > low.y)) return;
    list.AddRectFilled(low, high, packed(faded(colour, 0.5f)));
    list.PushClipRect(low, high, true);
    const float height = high.y - low.y, step = 8.0f;
    const ImU32 ink = packed(colour);
    // Anchored to the screen, so that the stripes stand still while the band moves.
    const int first = static_cast<int>(std::floor((low.x - height) / step)),
              last = static_cast<int>(high.x / step);
    for (int i = first; i <= last; ++i) {
        const float x = static_cast<float>(i) * step;
        list.AddLine({x, high.y}, {x + height, low.y}, ink, 1.0f);
    }
    list.PopClipRect();
}

void draw_text_on(ImDrawList& list, ImVec2 at, const ImVec4& colour, const ImVec4& ground,
                  std::string_view text) {
    const char* begin = text.data();
    const char* end = begin + text.size();
    // A plate and not a rim of pale copies: at fractions of a pixel ImGui's atlas gives pale text dark edges.
    const ImVec2 size = ImGui::CalcTextSize(begin, end);
    const float pad = size.y * 0.15f;
    list.AddRectFilled({at.x - pad, at.y}, {at.x + size.x + pad, at.y + size.y}, packed(faded(ground, 0.72f)),
                       pad * 2.0f);
    list.AddText(at, packed(colour), begin, end);
}

}  // namespace deadscope

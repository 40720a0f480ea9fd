// Lines, marks, bands and text on a plate; see marks.h.
#include "app/plots/marks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "app/plots/decimate.h"
#include "app/plots/stroke.h"

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

// The pen's way along a dash pattern.
class Pen {
public:
    Pen(ImDrawList& list, const LineStyle& style, float vertical)
        : list_(list),
          colour_(packed(style.colour)),
          width_(style.width),
          vertical_(vertical),
          lengths_(pattern(style.dash)) {
        for (const float length : lengths_) period_ += length * width_;
        left_ = lengths_[0] * width_;
    }

    float length(ImVec2 from, ImVec2 to) const {
        return std::hypot(to.x - from.x, (to.y - from.y) * vertical_);
    }
    // A dash bends where the line does.
    void go(ImVec2 from, ImVec2 to) {
        if (stroke_.empty()) stroke_.push_back(from);
        float rest = length(from, to);
        while (rest > left_) {
            const float share = left_ / rest;
            from = {from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share};
            rest -= left_;
            stroke_.push_back(from);
            lift();
            next();
            stroke_.push_back(from);
        }
        left_ -= rest;
        stroke_.push_back(to);
    }
    // As far as go() would, without ink: what nobody sees may be millions of dashes long.
    void skip(float way) {
        lift();
        for (way = std::fmod(way, period_); way > left_; next()) way -= left_;
        left_ -= way;
    }
    void lift() {
        if (phase_ % 2 == 0 && stroke_.size() > 1) deadscope::stroke(list_, stroke_, colour_, width_);
        stroke_.clear();
    }

private:
    void next() {
        phase_ = (phase_ + 1) % lengths_.size();
        left_ = lengths_[phase_] * width_;
    }

    ImDrawList& list_;
    ImU32 colour_;
    float width_, vertical_, period_ = 0.0f, left_ = 0.0f;
    std::span<const float> lengths_;
    std::size_t phase_ = 0;
    std::vector<ImVec2> stroke_;
};

// How much of its ways up and down counts for a line's dashes: all of it where it is smooth; of a line that
// fills the plot with its ups and downs so little that it has no more dashes than a smooth one.
float vertical_share(std::span<const ImVec2> points, ImVec2 low, ImVec2 high) {
    float up_and_down = 0.0f;
    for (std::size_t i = 1; i < points.size(); ++i) {
        up_and_down +=
            std::abs(std::clamp(points[i].y, low.y, high.y) - std::clamp(points[i - 1].y, low.y, high.y));
    }
    const float enough = 3.0f * (high.y - low.y);
    return up_and_down > enough ? enough / up_and_down : 1.0f;
}

void draw_dashed(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    const float edge = style.width * 16.0f;  // more than the longest dash
    const ImVec2 clip_low = list.GetClipRectMin(), clip_high = list.GetClipRectMax();
    const ImVec2 low{clip_low.x - edge, clip_low.y - edge}, high{clip_high.x + edge, clip_high.y + edge};
    Pen pen(list, style, vertical_share(points, low, high));
    for (std::size_t i = 1; i < points.size(); ++i) {
        const ImVec2 a = points[i - 1], b = points[i];
        const float length = pen.length(a, b);
        float from = 0.0f, to = 1.0f;
        if (!clip_segment(a, b, low, high, from, to)) {
            pen.skip(length);
            continue;
        }
        const auto at = [&](float share) {
            return ImVec2{a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share};
        };
        if (from > 0.0f) pen.skip(length * from);
        pen.go(from > 0.0f ? at(from) : a, to < 1.0f ? at(to) : b);
        if (to < 1.0f) pen.skip(length * (1.0f - to));
    }
    pen.lift();
}

void draw_run(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    if (points.size() < 2) return;
    if (style.dash == Dash::solid) {
        stroke(list, points, packed(style.colour), style.width);
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

void draw_line(ImDrawList& list, std::span<const ImVec2> points, const LineStyle& style) {
    for (auto begin = points.begin(); begin != points.end();) {
        const auto end = std::find_if_not(begin, points.end(), finite);
        draw_run(list, {begin, end}, style);
        begin = end == points.end() ? end : end + 1;
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

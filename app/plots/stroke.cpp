// Two corners and two triangles a segment, with ImGui's texture of a smooth edge; see stroke.h.
#include "app/plots/stroke.h"

#include <cmath>

namespace deadscope {
namespace {

constexpr float blunt = -0.25f;       // cosine of the turn up to which both edges meet in one corner
constexpr float least_corner = 1.5f;  // pixels of width above which the gap outside of a sharper turn is seen

ImVec2 operator+(ImVec2 a, ImVec2 b) {
    return {a.x + b.x, a.y + b.y};
}
ImVec2 operator-(ImVec2 a, ImVec2 b) {
    return {a.x - b.x, a.y - b.y};
}
ImVec2 operator*(ImVec2 a, float factor) {
    return {a.x * factor, a.y * factor};
}
float dot(ImVec2 a, ImVec2 b) {
    return a.x * b.x + a.y * b.y;
}

ImU32 faded(ImU32 colour, float share) {
    const auto alpha = static_cast<float>((colour & IM_COL32_A_MASK) >> IM_COL32_A_SHIFT) * share;
    return (colour & ~IM_COL32_A_MASK) | (static_cast<ImU32>(alpha) << IM_COL32_A_SHIFT);
}

// Writes into a draw list at places reserved before.
class Pencil {
public:
    Pencil(ImDrawList& list, ImU32 colour, ImVec2 left_edge, ImVec2 right_edge)
        : list_(list),
          colour_(colour),
          left_(left_edge),
          right_(right_edge),
          middle_((left_edge + right_edge) * 0.5f) {}

    // The two corners of the line at a point; across: from its middle to its right edge.
    void corners(ImVec2 at, ImVec2 across) {
        before_ = list_._VtxCurrentIdx;
        list_.PrimWriteVtx(at - across, left_, colour_);
        list_.PrimWriteVtx(at + across, right_, colour_);
    }
    // What lies between the last corners and the new ones.
    void go(ImVec2 at, ImVec2 across) {
        const ImDrawIdx from = before_;
        corners(at, across);
        triangle(from, before_, before_ + 1);
        triangle(from, before_ + 1, from + 1);
    }
    // The same line goes on in another direction; filled outside of the turn.
    void turn(ImVec2 at, ImVec2 across, bool to_the_right, bool fill) {
        const ImDrawIdx outer = to_the_right ? 0 : 1, from = before_ + outer;
        corners(at, across);
        if (!fill) return;
        triangle(from, before_ + outer, list_._VtxCurrentIdx);
        list_.PrimWriteVtx(at, middle_, colour_);
    }

private:
    void triangle(ImDrawIdx a, ImDrawIdx b, ImDrawIdx c) {
        list_.PrimWriteIdx(a);
        list_.PrimWriteIdx(b);
        list_.PrimWriteIdx(c);
    }

    ImDrawList& list_;
    ImU32 colour_;
    ImVec2 left_, right_, middle_;  // in the texture
    ImDrawIdx before_ = 0;          // of the last corners, the left one
};

// Returns false where both are one point.
bool direction(ImVec2 from, ImVec2 to, ImVec2& unit) {
    const ImVec2 way = to - from;
    const float square = dot(way, way);
    if (!(square > 1e-12f)) return false;
    unit = way * (1.0f / std::sqrt(square));
    return true;
}

}  // namespace

void stroke(ImDrawList& list, std::span<const ImVec2> points, ImU32 colour, float width) {
    float screen_width = width * list._InvFringeScale;
    if (screen_width < 1.0f) {  // a line of one pixel, paler
        colour = faded(colour, screen_width);
        screen_width = 1.0f;
        width = list._FringeScale;
    }
    std::size_t next = 1;
    ImVec2 way;
    while (next < points.size() && !direction(points[0], points[next], way)) ++next;
    if (next >= points.size() || (colour & IM_COL32_A_MASK) == 0) return;
    ImVec2 left, right;
    float fringe = 0.0f;
    list._SelectLineTexture(screen_width, &left, &right, &fringe, list.Flags);
    const float half = (width + fringe) * 0.5f;
    const bool fill = screen_width > least_corner;
    const auto most = static_cast<int>(points.size());
    list.PrimReserve(most * 9, most * 5);
    const ImDrawVert* const vertices_end = list._VtxWritePtr + most * 5;
    const ImDrawIdx* const indices_end = list._IdxWritePtr + most * 9;
    Pencil pencil(list, colour, left, right);
    const auto across = [half](ImVec2 unit) { return ImVec2{-unit.y * half, unit.x * half}; };
    pencil.corners(points[0], across(way));
    ImVec2 at = points[next];
    for (++next; next < points.size(); ++next) {
        ImVec2 on;
        if (!direction(at, points[next], on)) continue;
        const float cosine = dot(way, on);
        if (cosine > blunt) {
            pencil.go(at, across((way + on) * (1.0f / (1.0f + cosine))));
        } else {
            pencil.go(at, across(way));
            pencil.turn(at, across(on), way.x * on.y - way.y * on.x > 0.0f, fill);
        }
        way = on;
        at = points[next];
    }
    pencil.go(at, across(way));
    list.PrimUnreserve(static_cast<int>(indices_end - list._IdxWritePtr),
                       static_cast<int>(vertices_end - list._VtxWritePtr));
}

}  // namespace deadscope

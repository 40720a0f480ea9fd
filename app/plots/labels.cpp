// Label placement on a grid; see labels.h.
#include "app/plots/labels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "app/plots/decimate.h"
#include "app/plots/marks.h"

namespace deadscope {

LabelPlacer::LabelPlacer(ImVec2 low, ImVec2 high, float cell)
    : low_(low),
      high_(high),
      cell_(cell),
      columns_(std::max(1, static_cast<int>((high.x - low.x) / cell) + 1)),
      rows_(std::max(1, static_cast<int>((high.y - low.y) / cell) + 1)),
      cells_(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_), 0) {}

int LabelPlacer::column(float x) const {
    return static_cast<int>(std::clamp((x - low_.x) / cell_, 0.0f, static_cast<float>(columns_ - 1)));
}

int LabelPlacer::row(float y) const {
    return static_cast<int>(std::clamp((y - low_.y) / cell_, 0.0f, static_cast<float>(rows_ - 1)));
}

unsigned char& LabelPlacer::cell(int column, int row) {
    return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                  static_cast<std::size_t>(column)];
}

// What a line passes of one column of cells lies between its lowest and its highest point there, so a column
// is marked once, however many points it has.
void LabelPlacer::occupy(std::span<const ImVec2> line) {
    int at = -1;  // the column the line is in; -1: it is not in the plot
    float top = 0.0f, bottom = 0.0f;
    const auto leave = [&] {
        for (int r = row(top), end = row(bottom); at >= 0 && r <= end; ++r) cell(at, r) = 1;
        at = -1;
    };
    const auto go = [&](int c, float y) {
        if (c != at) {
            leave();
            at = c;
            top = bottom = y;
        } else {
            top = std::min(top, y);
            bottom = std::max(bottom, y);
        }
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const bool joined = i > 0 && finite(line[i]) && finite(line[i - 1]);
        ImVec2 from = line[joined ? i - 1 : i], to = line[i];
        const bool whole = inside(from) && inside(to);
        if (!whole) leave();  // it comes back elsewhere
        if (!whole && !clip_to(from, to)) continue;
        const int first = column(from.x), last = column(to.x);
        go(first, from.y);
        const float slope = first == last ? 0.0f : (to.y - from.y) / (to.x - from.x);
        for (int c = first; c != last;) {  // over the border to the next column, either way
            const int next = c < last ? c + 1 : c - 1;
            const float border = low_.x + cell_ * static_cast<float>(std::max(c, next));
            const float y = from.y + slope * (border - from.x);
            go(c, y);
            go(next, y);
            c = next;
        }
        go(last, to.y);
        if (!whole) leave();
    }
    leave();
}

bool LabelPlacer::inside(ImVec2 at) const {
    return at.x >= low_.x && at.y >= low_.y && at.x <= high_.x && at.y <= high_.y;
}

bool LabelPlacer::clip_to(ImVec2& from, ImVec2& to) const {
    if (!finite(from) || !finite(to)) return false;
    float begin = 0.0f, end = 1.0f;
    if (!clip_segment(from, to, low_, high_, begin, end)) return false;
    const ImVec2 start = from, way{to.x - from.x, to.y - from.y};
    from = {start.x + way.x * begin, start.y + way.y * begin};
    to = {start.x + way.x * end, start.y + way.y * end};
    return true;
}

LabelPlacer::Cells LabelPlacer::cells(ImVec2 low, ImVec2 high) const {
    return {column(low.x), row(low.y), column(high.x), row(high.y)};
}

void LabelPlacer::occupy(ImVec2 low, ImVec2 high) {
    if (high.x < low_.x || high.y < low_.y || low.x > high_.x || low.y > high_.y) return;
    const Cells all = cells(low, high);
    for (int r = all.top; r <= all.bottom; ++r)
        for (int c = all.left; c <= all.right; ++c) cell(c, r) = 2;
}

float LabelPlacer::ink(ImVec2 low, ImVec2 high) const {
    const Cells all = cells(low, high);
    int sum = 0;
    for (int r = all.top; r <= all.bottom; ++r) {
        const unsigned char* const row = row_of(r);
        for (int c = all.left; c <= all.right; ++c)
            sum += row[c] == 2 ? 4 : row[c];  // another label is worse than a line
    }
    return static_cast<float>(sum);
}

bool LabelPlacer::covers_label(ImVec2 low, ImVec2 high) const {
    const Cells all = cells(low, high);
    for (int r = all.top; r <= all.bottom; ++r) {
        const unsigned char* const row = row_of(r);
        if (std::find(row + all.left, row + all.right + 1, 2) != row + all.right + 1) return true;
    }
    return false;
}

ImVec2 LabelPlacer::place(ImVec2 size, std::span<const ImVec2> anchors) {
    const ImVec2 best = best_place(size, anchors);
    occupy(best, {best.x + size.x, best.y + size.y});
    return best;
}

std::optional<ImVec2> LabelPlacer::place_clear(ImVec2 size, std::span<const ImVec2> anchors) {
    const ImVec2 best = best_place(size, anchors), end{best.x + size.x, best.y + size.y};
    if (covers_label(best, end)) return std::nullopt;
    occupy(best, end);
    return best;
}

ImVec2 LabelPlacer::best_place(ImVec2 size, std::span<const ImVec2> anchors) const {
    const float gap = cell_ * 1.5f;
    ImVec2 best{low_.x, low_.y};
    float best_cost = std::numeric_limits<float>::infinity();
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        for (int ring = 0; ring < 4; ++ring) {
            const float reach = gap * (1.0f + static_cast<float>(ring) * 1.5f);
            const std::array<ImVec2, 8> corners{ImVec2{reach, -size.y * 0.5f},
                                                {-reach - size.x, -size.y * 0.5f},
                                                {-size.x * 0.5f, -reach - size.y},
                                                {-size.x * 0.5f, reach},
                                                {reach, -reach - size.y},
                                                {-reach - size.x, -reach - size.y},
                                                {reach, reach},
                                                {-reach - size.x, reach}};
            for (std::size_t k = 0; k < corners.size(); ++k) {
                ImVec2 at{anchors[a].x + corners[k].x, anchors[a].y + corners[k].y};
                const ImVec2 inside{std::clamp(at.x, low_.x + 2, std::max(low_.x + 2, high_.x - size.x - 2)),
                                    std::clamp(at.y, low_.y + 2, std::max(low_.y + 2, high_.y - size.y - 2))};
                const float moved = inside.x == at.x && inside.y == at.y
                                        ? 0.0f
                                        : std::hypot(inside.x - at.x, inside.y - at.y);
                const float bare = moved * 0.5f + 4.0f * static_cast<float>(ring) +
                                   1.5f * static_cast<float>(a) + 0.4f * static_cast<float>(k);
                if (bare >= best_cost) continue;  // whatever lies there
                const float cost = 10.0f * ink(inside, {inside.x + size.x, inside.y + size.y}) + bare;
                if (cost < best_cost) {
                    best_cost = cost;
                    best = inside;
                }
            }
        }
    }
    return best;
}

void draw_side_labels(ImDrawList& list, float x, float top, float bottom, std::vector<SideLabel> labels) {
    const float line = ImGui::GetFontSize() * 1.15f, reach = ImGui::GetFontSize() * 0.8f;
    std::ranges::stable_sort(labels, {}, &SideLabel::y);
    std::vector<float> at;
    for (const SideLabel& label : labels) {
        const float wanted = std::clamp(label.y, top, bottom) - line * 0.5f;
        at.push_back(at.empty() ? std::max(top, wanted) : std::max(at.back() + line, wanted));
    }
    // Pushed over the lower edge: move up again, last first.
    float limit = bottom - line;
    for (std::size_t i = at.size(); i-- > 0; limit = at[i] - line) at[i] = std::min(at[i], limit);
    for (std::size_t i = 0; i < at.size(); ++i) {
        const ImU32 ink = ImGui::ColorConvertFloat4ToU32(labels[i].colour);
        const float from = std::clamp(labels[i].y, top, bottom), to = at[i] + line * 0.5f;
        list.AddLine({x, from}, {x + reach, to}, ink, 1.0f);
        list.AddText({x + reach + 3.0f, at[i]}, ink, labels[i].text.c_str());
    }
}

}  // namespace deadscope

// Label placement on a grid; see labels.h.
#include "app/plots/labels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "app/plots/decimate.h"

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

void LabelPlacer::occupy(std::span<const ImVec2> line) {
    const auto mark = [this](ImVec2 at) {
        if (at.x < low_.x || at.y < low_.y || at.x > high_.x || at.y > high_.y) return;
        cells_[static_cast<std::size_t>(row(at.y)) * static_cast<std::size_t>(columns_) +
               static_cast<std::size_t>(column(at.x))] = 1;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (!std::isfinite(line[i].x) || !std::isfinite(line[i].y)) continue;
        mark(line[i]);
        if (i == 0 || !std::isfinite(line[i - 1].x) || !std::isfinite(line[i - 1].y)) continue;
        ImVec2 from = line[i - 1], to = line[i];
        float begin = 0.0f, end = 1.0f;
        if (!clip_segment(from, to, low_, high_, begin, end)) continue;
        const ImVec2 way{to.x - from.x, to.y - from.y};
        to = {from.x + way.x * end, from.y + way.y * end};
        from = {from.x + way.x * begin, from.y + way.y * begin};
        const float length = std::hypot(to.x - from.x, to.y - from.y);
        const int steps = static_cast<int>(std::min(length / cell_ * 2.0f, 4000.0f));
        for (int s = 0; s <= steps && steps > 0; ++s) {
            const float t = static_cast<float>(s) / static_cast<float>(steps);
            mark({from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t});
        }
    }
}

void LabelPlacer::occupy(ImVec2 low, ImVec2 high) {
    if (high.x < low_.x || high.y < low_.y || low.x > high_.x || low.y > high_.y) return;
    for (int r = row(low.y); r <= row(high.y); ++r) {
        for (int c = column(low.x); c <= column(high.x); ++c) {
            cells_[static_cast<std::size_t>(r) * static_cast<std::size_t>(columns_) +
                   static_cast<std::size_t>(c)] = 2;
        }
    }
}

float LabelPlacer::ink(ImVec2 low, ImVec2 high) const {
    float sum = 0.0f;
    for (int r = row(low.y); r <= row(high.y); ++r) {
        for (int c = column(low.x); c <= column(high.x); ++c) {
            const unsigned char cell =
                cells_[static_cast<std::size_t>(r) * static_cast<std::size_t>(columns_) +
                       static_cast<std::size_t>(c)];
            sum += cell == 2 ? 4.0f : static_cast<float>(cell);  // another label is worse than a line
        }
    }
    return sum;
}

bool LabelPlacer::covers_label(ImVec2 low, ImVec2 high) const {
    for (int r = row(low.y); r <= row(high.y); ++r) {
        for (int c = column(low.x); c <= column(high.x); ++c) {
            if (cells_[static_cast<std::size_t>(r) * static_cast<std::size_t>(columns_) +
                       static_cast<std::size_t>(c)] == 2)
                return true;
        }
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
                const float moved = std::hypot(inside.x - at.x, inside.y - at.y);
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

// Places labels beside what they name, where they cover no data and no other label (look.md: lines are
// labelled directly; a legend only where there is no room).
#pragma once

#include <imgui.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace deadscope {

// A coarse grid over the plot that knows which cells hold ink.
// Thread rule: one frame, one thread.
class LabelPlacer {
public:
    LabelPlacer(ImVec2 low, ImVec2 high, float cell = 6.0f);

    void occupy(std::span<const ImVec2> line);  // every cell that a line passes
    void occupy(ImVec2 low, ImVec2 high);       // a rectangle
    // Top left corner for a text of `size` near the best of `anchors`; takes the place. The first anchors are
    // preferred.
    ImVec2 place(ImVec2 size, std::span<const ImVec2> anchors);
    // The same, or nothing where every place covers a part of another label.
    std::optional<ImVec2> place_clear(ImVec2 size, std::span<const ImVec2> anchors);

private:
    ImVec2 best_place(ImVec2 size, std::span<const ImVec2> anchors) const;
    struct Cells {  // a rectangle of them, both ends in it
        int left, top, right, bottom;
    };
    Cells cells(ImVec2 low, ImVec2 high) const;
    const unsigned char* row_of(int row) const {
        return cells_.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_);
    }
    bool covers_label(ImVec2 low, ImVec2 high) const;
    bool inside(ImVec2 at) const;
    bool clip_to(ImVec2& from, ImVec2& to) const;  // the part of a segment in the plot; false where none is
    unsigned char& cell(int column, int row);
    int column(float x) const;
    int row(float y) const;
    float ink(ImVec2 low, ImVec2 high) const;  // occupied cells in a rectangle

    ImVec2 low_, high_;
    float cell_;
    int columns_, rows_;
    std::vector<unsigned char> cells_;  // [rows, columns]
};

// A name for a height, in a column beside the plot.
struct SideLabel {
    float y = 0.0f;  // pixels, of what it names
    std::string text;
    ImVec4 colour;
};
// Draws the labels right of `x`, each as near to its height as the others let it, with a line to it.
void draw_side_labels(ImDrawList& list, float x, float top, float bottom, std::vector<SideLabel> labels);

}  // namespace deadscope

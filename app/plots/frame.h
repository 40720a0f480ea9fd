// One plot: ImPlot's axes, zoom and pan, under our ticks, marks and labels, with the data to copy on right
// click. Draws axes; what is inside is drawn by the panel through at() and list().
#pragma once

#include <imgui.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/intents.h"
#include "app/plots/decimate.h"
#include "app/plots/labels.h"
#include "app/plots/marks.h"
#include "app/plots/table.h"
#include "app/plots/ticks.h"

namespace deadscope {

struct AxisSpec {
    std::string label{};        // name and unit in words; empty: none
    std::string short_label{};  // instead, where the plot is too small for it
    Range range{};  // all of the data: the view follows it until the person zooms, double-click returns to it
    bool log = false;
    bool counts = false;  // ticks on whole numbers only
    bool inverted = false;
    bool tick_labels = true;
    bool grid = true;
    std::vector<Tick> ticks{};  // instead of computed ones
    std::string link{};         // axes with the same name in one window move together
};

struct FrameSpec {
    const char* id = "";
    ImVec2 size{0, 0};
    AxisSpec x{}, y{};
    std::function<Table()> table{};  // asked for only when somebody copies
    Intents* intents = nullptr;      // where "Save data as CSV" goes
};

// A line over whole numbers: values at x = first, first + 1, ...
struct Series {
    std::shared_ptr<const void> source;  // what the values were made of
    std::size_t what = 0;                // tells the lines of one source in one plot apart
    std::span<const double> values;      // the same while source and what are
    double first = 0.0;
    float column_px = 1.0f;  // pixels that share a lowest and a highest point
};
using Points = std::shared_ptr<const std::vector<ImVec2>>;  // in pixels

// Open between construction and destruction.
// Thread rule: the window's thread, one at a time.
class PlotFrame {
public:
    explicit PlotFrame(const FrameSpec& spec);
    ~PlotFrame();
    PlotFrame(const PlotFrame&) = delete;
    PlotFrame& operator=(const PlotFrame&) = delete;
    explicit operator bool() const { return open_; }

    // To pixels. On a log axis what is not positive lands on the axis' lower edge: show it hollow, never drop
    // it.
    ImVec2 at(double x, double y) const;
    // A line in as many points as its picture needs. Made anew when the data or the view is another.
    Points series(const Series& series) const;
    // Any points of the plot, kept as series() keeps them.
    Points kept(const std::shared_ptr<const void>& source, std::size_t what,
                const std::function<std::vector<ImVec2>()>& make) const;
    bool clipped(double y) const;        // y lies below what the vertical axis can show
    ImVec2 low() const { return low_; }  // top left of the plot area, pixels
    ImVec2 high() const { return high_; }
    Range x_view() const { return x_view_; }
    Range y_view() const { return y_view_; }
    ImDrawList& list() const { return *list_; }

    // The data under the pointer, where the plot is hovered and nothing is dragged.
    std::optional<ImVec2> pointer() const { return pointer_; }
    double pointer_x() const;  // in data
    double pointer_y() const;
    bool clicked() const { return clicked_; }

    LabelPlacer& labels() { return *labels_; }
    // Draws `text` beside the first of `anchors` where it covers nothing. spare: one that is said elsewhere
    // too, as a model's name in Models; left out where it would lie on another label.
    void label(std::string_view text, const ImVec4& colour, std::span<const ImVec2> anchors,
               bool spare = false);

    // Horizontal reference line over the whole width with its label on it.
    void level(double y, const LineStyle& style, std::string_view text);

private:
    void draw_menu(const FrameSpec& spec);

    bool open_ = false, clicked_ = false, log_x_ = false, log_y_ = false;
    ImGuiID id_ = 0;
    ImVec2 low_{}, high_{};
    Range x_view_, y_view_;
    AxisMap x_map_, y_map_;
    ImDrawList* list_ = nullptr;
    std::optional<ImVec2> pointer_;
    std::optional<LabelPlacer> labels_;
};

}  // namespace deadscope

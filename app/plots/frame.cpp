// ImPlot below, our ticks and menu on top; see frame.h.
#include "app/plots/frame.h"

#include <imgui_stdlib.h>
#include <implot.h>
#include <implot_internal.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "app/plots/kept.h"
#include "app/theme.h"

namespace deadscope {
namespace {

// All that pixels depend on besides the data.
struct View {
    Range x, y;
    ImVec2 low, high;
    bool log_x = false, log_y = false;
    bool operator==(const View& o) const {
        return x == o.x && y == o.y && low.x == o.low.x && low.y == o.low.y && high.x == o.high.x &&
               high.y == o.high.y && log_x == o.log_x && log_y == o.log_y;
    }
};
struct Drawn {
    std::optional<View> view{};
    Points points{};
};
// By plot and line; as many as a deep model's norms, a few times over.
Kept<std::pair<ImGuiID, std::size_t>, Drawn>& drawn() {
    static Kept<std::pair<ImGuiID, std::size_t>, Drawn> kept(512);
    return kept;
}

// What ImPlot's own view memory lacks: the range that the view was last fitted to, and ranges shared by axes.
std::map<std::pair<ImGuiID, ImAxis>, Range>& fitted_ranges() {
    static std::map<std::pair<ImGuiID, ImAxis>, Range> ranges;
    return ranges;
}
std::map<std::pair<ImGuiID, std::string>, Range>& shared_ranges() {
    static std::map<std::pair<ImGuiID, std::string>, Range> ranges;
    return ranges;
}
// What is typed into the one menu that can be open.
std::string& save_path() {
    static std::string path;
    return path;
}

std::string home_folder() {
    const char* home = std::getenv("HOME");
    return home ? home : ".";
}

bool near(double a, double b) {
    return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

// The view follows the data until the person zooms; a view that shows all keeps showing all while data grows.
bool must_fit(ImGuiID plot, ImAxis axis, Range view, Range all) {
    auto& fitted = fitted_ranges();
    const auto seen = fitted.find({plot, axis});
    const bool first = seen == fitted.end();
    if (!first && seen->second == all) return false;
    const bool follows = first || (near(view.low, seen->second.low) && near(view.high, seen->second.high));
    fitted[{plot, axis}] = all;
    return follows;
}

void set_ticks(ImAxis axis, const AxisSpec& spec, Range view, float pixels) {
    const float room = (axis == ImAxis_X1 ? 56.0f : 26.0f) * theme().scale;
    const int most = std::clamp(static_cast<int>(pixels / room), 2, 7);
    std::vector<Tick> ticks = spec.ticks;
    if (ticks.empty()) {
        ticks = spec.log      ? log_ticks(view, most)
                : spec.counts ? count_ticks(view, most)
                              : linear_ticks(view, most);
    }
    std::erase_if(ticks, [&](const Tick& t) { return t.value < view.low || t.value > view.high; });
    std::vector<double> values;
    std::vector<const char*> names;
    for (const Tick& tick : ticks) {
        values.push_back(tick.value);
        names.push_back(tick.label.c_str());
    }
    // ImPlot takes an empty list for "compute your own"; one tick out of sight keeps it quiet.
    if (values.empty()) {
        values.push_back(view.low - std::abs(view.high - view.low) - 1.0);
        names.push_back("");
    }
    ImPlot::SetupAxisTicks(axis, values.data(), static_cast<int>(values.size()), names.data());
}

void set_axis(ImAxis axis, const AxisSpec& spec, float pixels) {
    ImPlotAxisFlags flags =
        ImPlotAxisFlags_NoMenus | ImPlotAxisFlags_NoSideSwitch | ImPlotAxisFlags_NoHighlight;
    if (spec.inverted) flags |= ImPlotAxisFlags_Invert;
    if (!spec.tick_labels) flags |= ImPlotAxisFlags_NoTickLabels;
    if (!spec.grid) flags |= ImPlotAxisFlags_NoGridLines;
    const bool fits = spec.short_label.empty() || ImGui::CalcTextSize(spec.label.c_str()).x < pixels;
    const std::string& label = fits ? spec.label : spec.short_label;
    ImPlot::SetupAxis(axis, label.empty() ? nullptr : label.c_str(), flags);
    if (spec.log) ImPlot::SetupAxisScale(axis, ImPlotScale_Log10);
    ImPlotPlot& plot = *ImPlot::GetCurrentPlot();
    ImPlotAxis& state = plot.Axes[axis];
    const Range view{state.Range.Min, state.Range.Max};
    const bool fit = must_fit(plot.ID, axis, view, spec.range);
    if (!spec.link.empty()) {
        Range& shared = shared_ranges()[{ImGui::GetID("shared axes"), spec.link}];
        if (fit) shared = spec.range;
        ImPlot::SetupAxisLinks(axis, &shared.low, &shared.high);
    } else if (fit) {
        ImPlot::SetupAxisLimits(axis, spec.range.low, spec.range.high, ImPlotCond_Always);
    }
    set_ticks(axis, spec, {state.Range.Min, state.Range.Max}, pixels);
}

}  // namespace

PlotFrame::PlotFrame(const FrameSpec& spec) : log_x_(spec.x.log), log_y_(spec.y.log) {
    const float scale = theme().scale;
    push_type(Type::small_print);
    ImPlot::PushStyleVar(ImPlotStyleVar_PlotPadding, ImVec2(2 * scale, 6 * scale));
    ImPlot::PushStyleVar(ImPlotStyleVar_LabelPadding, ImVec2(4 * scale, 4 * scale));
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const ImVec2 size{spec.size.x > 0 ? spec.size.x : room.x, spec.size.y > 0 ? spec.size.y : room.y};
    open_ = ImPlot::BeginPlot(
        spec.id, size,
        ImPlotFlags_NoTitle | ImPlotFlags_NoLegend | ImPlotFlags_NoMenus | ImPlotFlags_NoMouseText);
    if (!open_) return;
    // What the other axis' numbers and name leave, about.
    set_axis(ImAxis_X1, spec.x, size.x - 56.0f * scale);
    set_axis(ImAxis_Y1, spec.y, size.y - (spec.x.tick_labels ? 44.0f : 12.0f) * scale);
    ImPlot::SetupFinish();
    if (ImPlot::FitThisFrame()) {
        ImPlot::FitPoint({spec.x.range.low, spec.y.range.low});
        ImPlot::FitPoint({spec.x.range.high, spec.y.range.high});
    }
    const ImPlotRect limits = ImPlot::GetPlotLimits();
    x_view_ = {limits.X.Min, limits.X.Max};
    y_view_ = {limits.Y.Min, limits.Y.Max};
    low_ = ImPlot::GetPlotPos();
    high_ = {low_.x + ImPlot::GetPlotSize().x, low_.y + ImPlot::GetPlotSize().y};
    list_ = ImPlot::GetPlotDrawList();
    id_ = ImPlot::GetCurrentPlot()->ID;
    const ImVec2 from = ImPlot::PlotToPixels(x_view_.low, y_view_.low),
                 to = ImPlot::PlotToPixels(x_view_.high, y_view_.high);
    x_map_ = {x_view_, from.x, to.x, log_x_};
    y_map_ = {y_view_, from.y, to.y, log_y_};
    labels_.emplace(low_, high_, 6.0f * scale);
    if (ImPlot::IsPlotHovered() && !ImGui::IsMouseDragging(ImGuiMouseButton_Left)) {
        pointer_ = ImGui::GetMousePos();
        clicked_ = ImGui::IsMouseReleased(ImGuiMouseButton_Left) &&
                   ImGui::GetMouseDragDelta(ImGuiMouseButton_Left, 0.0f).x == 0.0f;
    }
    draw_menu(spec);
    ImPlot::PushPlotClipRect();
}

PlotFrame::~PlotFrame() {
    if (open_) {
        ImPlot::PopPlotClipRect();
        ImPlot::EndPlot();
    }
    ImPlot::PopStyleVar(2);
    ImGui::PopFont();
}

void PlotFrame::draw_menu(const FrameSpec& spec) {
    // Right drag is the box zoom; a right click that did not move opens the menu.
    const ImVec2 moved = ImGui::GetMouseDragDelta(ImGuiMouseButton_Right, 0.0f);
    if (ImPlot::IsPlotHovered() && ImGui::IsMouseReleased(ImGuiMouseButton_Right) && moved.x == 0.0f &&
        moved.y == 0.0f) {
        ImGui::OpenPopup("plot menu");
        save_path() = spec.table ? home_folder() + "/" + spec.table().name + ".csv" : "";
    }
    if (!ImGui::BeginPopup("plot menu")) return;
    push_type(Type::body);
    if (ImGui::MenuItem("Fit", "double-click")) {
        for (const ImAxis axis : {ImAxis_X1, ImAxis_Y1}) {
            const Range all = axis == ImAxis_X1 ? spec.x.range : spec.y.range;
            ImPlot::GetCurrentPlot()->Axes[axis].SetRange(all.low, all.high);
        }
    }
    if (spec.table && ImGui::MenuItem("Copy data as CSV"))
        ImGui::SetClipboardText(csv_text(spec.table()).c_str());
    if (spec.table && spec.intents) {
        ImGui::SetNextItemWidth(280 * theme().scale);
        const bool entered = ImGui::InputText("##path", &save_path(), ImGuiInputTextFlags_EnterReturnsTrue);
        ImGui::SameLine();
        if (ImGui::Button("Save CSV") || entered) {
            spec.intents->emit(SaveTextIntent{save_path(), csv_text(spec.table())});
            ImGui::CloseCurrentPopup();
        }
    }
    ImGui::PopFont();
    ImGui::EndPopup();
}

ImVec2 PlotFrame::at(double x, double y) const {
    const double shown = log_y_ && !(y > y_view_.low) && !std::isnan(y) ? y_view_.low : y;
    return {x_map_(x), y_map_(shown)};
}

Points PlotFrame::kept(const std::shared_ptr<const void>& source, std::size_t what,
                       const std::function<std::vector<ImVec2>()>& make) const {
    const std::shared_ptr<Drawn> entry = drawn().of(source, {id_, what}, [] { return Drawn{}; });
    const View view{x_view_, y_view_, low_, high_, log_x_, log_y_};
    if (entry->view != view) {
        entry->points = std::make_shared<const std::vector<ImVec2>>(make());
        entry->view = view;
        ++made_so_far();
    }
    return entry->points;
}

Points PlotFrame::series(const Series& series) const {
    return kept(series.source, series.what, [&] {
        const Range pixels{static_cast<double>(low_.x), static_cast<double>(high_.x)};
        const std::vector<std::size_t> places =
            decimate(series.values, series.first, x_map_, pixels, series.column_px);
        std::vector<ImVec2> points;
        points.reserve(places.size());
        for (const std::size_t i : places)
            points.push_back(at(series.first + static_cast<double>(i), series.values[i]));
        return points;
    });
}

bool PlotFrame::clipped(double y) const {
    return log_y_ && y < y_view_.low * (1.0 - 1e-9);
}

double PlotFrame::pointer_x() const {
    return ImPlot::GetPlotMousePos().x;
}
double PlotFrame::pointer_y() const {
    return ImPlot::GetPlotMousePos().y;
}

namespace {

// The words that fit a plot of this width: clauses after a comma go first, then the front of a long name (its
// end tells models of one folder apart).
std::string fitting(std::string_view text, float width) {
    std::string words(text);
    const auto too_wide = [&] { return ImGui::CalcTextSize(words.c_str()).x > width; };
    if (const auto comma = words.rfind(", "); too_wide() && comma != std::string::npos) words.resize(comma);
    std::string rest = words;
    while (too_wide() && rest.size() > 4) {
        do {
            rest.erase(0, 1);
        } while (!rest.empty() &&
                 (static_cast<unsigned char>(rest[0]) & 0xC0u) == 0x80u);  // whole code points
        words = "…" + rest;
    }
    return words;
}

// A label that found its place only further off is tied to what it names.
void draw_leader(ImDrawList& list, ImVec2 low, ImVec2 high, std::span<const ImVec2> anchors, ImVec4 colour) {
    ImVec2 from, to;
    float least = std::numeric_limits<float>::infinity();
    for (const ImVec2 anchor : anchors) {
        const ImVec2 edge{std::clamp(anchor.x, low.x, high.x), std::clamp(anchor.y, low.y, high.y)};
        const float distance = std::hypot(anchor.x - edge.x, anchor.y - edge.y);
        if (distance >= least) continue;
        least = distance;
        from = edge;
        to = anchor;
    }
    if (least > ImGui::GetFontSize()) list.AddLine(from, to, packed(faded(colour, 0.6f)), theme().grid);
}

}  // namespace

void PlotFrame::label(std::string_view words, const ImVec4& colour, std::span<const ImVec2> anchors,
                      bool spare) {
    const std::string text = fitting(words, (high_.x - low_.x) * 0.9f);
    std::vector<ImVec2> visible;
    for (const ImVec2 a : anchors) {
        if (finite(a) && a.x >= low_.x - 1 && a.x <= high_.x + 1 && a.y >= low_.y - 1 && a.y <= high_.y + 1) {
            visible.push_back(a);
        }
    }
    if (visible.empty()) return;
    const ImVec2 size = ImGui::CalcTextSize(text.data(), text.data() + text.size());
    const std::optional<ImVec2> low =
        spare ? labels_->place_clear(size, visible) : std::optional(labels_->place(size, visible));
    if (!low) return;
    draw_leader(*list_, *low, {low->x + size.x, low->y + size.y}, visible, colour);
    draw_text_on(*list_, *low, colour, theme().panel, text);
}

void PlotFrame::level(double y, const LineStyle& style, std::string_view text) {
    const float height = at(x_view_.low, y).y;
    if (!(height >= low_.y && height <= high_.y)) return;
    const std::vector<ImVec2> ends{{low_.x, height}, {high_.x, height}};
    draw_line(*list_, ends, style);
    labels_->occupy(ends);
    if (text.empty()) return;
    const float width = high_.x - low_.x;
    const std::vector<ImVec2> anchors{{low_.x + width * 0.5f, height},
                                      {low_.x + width * 0.25f, height},
                                      {low_.x + width * 0.75f, height},
                                      {low_.x + width * 0.05f, height}};
    label(text, style.colour, anchors);
}

}  // namespace deadscope

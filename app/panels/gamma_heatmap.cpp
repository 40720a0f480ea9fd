// γ of every norm as a heatmap, norms × channels, drawn by our shader (app/scene/heatmap.h) below ImPlot's
// axes; with the cells that matter marked, a colour bar, and values to 17 digits under the pointer.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/panels/gamma_cells.h"
#include "app/panels/gamma_views.h"
#include "app/plots/frame.h"
#include "app/plots/histogram.h"
#include "app/plots/kept.h"
#include "app/plots/parts.h"
#include "app/scene/gl.h"
#include "app/scene/heatmap.h"
#include "app/theme.h"
#include "core/base/error.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

// What is on the screen: γ's facts, and where its channels stand.
struct GammaCells {
    Gamma gamma;
    std::shared_ptr<const GammaFacts> facts;
    bool sorted = false;
};

// The γ whose texels each of the two heatmaps holds.
Heatmap& heatmap_of(const GammaCells& cells) {
    static std::array<std::weak_ptr<const GammaReading>, 2> held;
    Heatmap& heatmap = kept_heatmap(cells.sorted ? "gamma, sorted" : "gamma");
    std::weak_ptr<const GammaReading>& of = held.at(cells.sorted ? 1 : 0);
    if (heatmap.empty() || of.lock() != cells.gamma) {
        heatmap.set_values(gamma_texels(cells.gamma, cells.sorted), cells.facts->rows, cells.facts->columns);
        of = cells.gamma;
        ++made_so_far();
    }
    return heatmap;
}

Range shown_range(const GammaView& view, const GammaCells& cells) {
    const ViewState::Gamma& g = view.state.view.gamma;
    if (g.auto_range)
        return g.log_scale ? cells.facts->range
                           : Range{std::min(0.0, cells.facts->range.low), cells.facts->range.high};
    const double low =
        std::max(static_cast<double>(g.range_low), g.log_scale ? cells.facts->range.high * 1e-6 : 0.0);
    return {low, std::max(static_cast<double>(g.range_high), low * 1.0001 + 1e-30)};
}

std::vector<Tick> row_ticks(const GammaReading& gamma, float pixels) {
    const std::size_t rows = gamma.norms.size();
    const float each = pixels / static_cast<float>(rows);
    const float line = 15.0f * theme().scale;
    const auto step = static_cast<std::size_t>(std::max(1.0f, std::ceil(line / std::max(each, 0.01f))));
    std::vector<Tick> ticks;
    for (std::size_t row = 0; row < rows; row += step) {
        // The final norm is always named; a neighbour that would touch its name is not.
        if (row != gamma.final_norm && step > 1 && row + step > gamma.final_norm &&
            row <= gamma.final_norm + step / 2)
            continue;
        ticks.push_back({static_cast<double>(row) + 0.5, short_name(gamma.norms[row].spec)});
    }
    if (step > 1 && gamma.final_norm % step != 0) {
        ticks.push_back(
            {static_cast<double>(gamma.final_norm) + 0.5, short_name(gamma.norms[gamma.final_norm].spec)});
    }
    return ticks;
}

void draw_colour_bar(const GammaView& view, Range range, ImVec2 low, float width, float height) {
    const ViewState::Gamma& g = view.state.view.gamma;
    const std::vector<unsigned char>& rgb = colour_table(static_cast<ColourMap>(g.colour_map));
    ImDrawList& list = *ImGui::GetWindowDrawList();
    constexpr int steps = 64;
    for (int i = 0; i < steps; ++i) {
        const auto colour_at = [&](int k) {
            const auto entry = static_cast<std::size_t>(255 * (steps - k) / steps) * 3;
            return IM_COL32(rgb[entry], rgb[entry + 1], rgb[entry + 2], 255);
        };
        const float top = low.y + height * static_cast<float>(i) / steps;
        const float end = low.y + height * static_cast<float>(i + 1) / steps;
        list.AddRectFilledMultiColor({low.x, top}, {low.x + width, end}, colour_at(i), colour_at(i),
                                     colour_at(i + 1), colour_at(i + 1));
    }
    list.AddRect(low, {low.x + width, low.y + height}, packed(theme().border));
    push_type(Type::small_print);
    const int most = std::clamp(static_cast<int>(height / (28.0f * theme().scale)), 2, 7);
    for (const Tick& tick : g.log_scale ? log_ticks(range, most) : linear_ticks(range, most)) {
        const double share = g.log_scale ? std::log(tick.value / range.low) / std::log(range.high / range.low)
                                         : (tick.value - range.low) / (range.high - range.low);
        if (share < -1e-6 || share > 1.0 + 1e-6) continue;
        const float y = low.y + height * static_cast<float>(1.0 - share);
        list.AddLine({low.x + width, y}, {low.x + width + 3 * theme().scale, y}, packed(theme().quiet));
        const float text_y =
            std::clamp(y - ImGui::GetFontSize() * 0.5f, low.y, low.y + height - ImGui::GetFontSize());
        list.AddText({low.x + width + 5 * theme().scale, text_y}, packed(theme().quiet), tick.label.c_str());
    }
    // A line lower than the numbers of the channels, the last of which may reach below the bar.
    list.AddText({low.x, low.y + height + 4 * theme().scale + ImGui::GetTextLineHeight()},
                 packed(theme().quiet), g.log_scale ? "|γ|, log" : "|γ|");
    ImGui::PopFont();
}

void draw_range_popup(const GammaView& view, Range range) {
    if (!ImGui::BeginPopup("colour range")) return;
    const ViewState::Gamma& g = view.state.view.gamma;
    int chosen = 0;
    if (draw_choice("map", {"viridis", "cividis"}, g.colour_map, chosen)) {
        view.intents.view([chosen](ViewState& v) { v.gamma.colour_map = chosen; });
    }
    bool automatic = g.auto_range;
    if (ImGui::Checkbox("Range from the data", &automatic)) {
        view.intents.view([automatic, range](ViewState& v) {
            v.gamma.auto_range = automatic;
            v.gamma.range_low = static_cast<float>(range.low);
            v.gamma.range_high = static_cast<float>(range.high);
        });
    }
    ImGui::BeginDisabled(g.auto_range);
    float ends[2]{static_cast<float>(range.low), static_cast<float>(range.high)};
    ImGui::SetNextItemWidth(200 * theme().scale);
    if (ImGui::InputFloat2("|γ|", ends, "%.4g")) {
        view.intents.view([low = ends[0], high = ends[1]](ViewState& v) {
            v.gamma.range_low = low;
            v.gamma.range_high = high;
        });
    }
    ImGui::EndDisabled();
    ImGui::EndPopup();
}

// The key to the marks, with counts; only what is there.
struct KeyEntry {
    std::size_t count;
    const char* words;
    std::function<void(ImDrawList& list, ImVec2 centre, float r)> sign;
    std::string text() const { return std::to_string(count) + " " + words; }
};

std::vector<KeyEntry> key_of(const GammaCells& cells) {
    const ImVec4 dead = meaning_colour(Meaning::dead);
    const auto mark = [](Shape shape, ImVec4 colour, bool hollow) {
        return [=](ImDrawList& list, ImVec2 c, float r) { draw_mark(list, c, shape, r, colour, hollow); };
    };
    std::vector<KeyEntry> key{{cells.facts->zeros, "zero", mark(Shape::down_triangle, dead, false)},
                              {cells.facts->tiny, "next to 0", mark(Shape::down_triangle, dead, true)},
                              {cells.facts->outliers_in_all, "beyond 10× of its norm's median",
                               mark(Shape::circle, theme().text, true)},
                              {cells.facts->negatives, "negative, striped",
                               [](ImDrawList& list, ImVec2 c, float r) {
                                   draw_hatched(list, {c.x - r, c.y - r}, {c.x + r, c.y + r}, theme().text);
                               }},
                              {cells.facts->not_finite, "not finite", mark(Shape::cross, dead, false)}};
    std::erase_if(key, [](const KeyEntry& entry) { return entry.count == 0; });
    return key;
}

// Draws the key, or only measures it, in as few lines as the panel's width allows; how high it is.
float draw_key(const std::vector<KeyEntry>& key, bool draw) {
    if (key.empty()) return 0.0f;
    push_type(Type::small_print);
    const float size = ImGui::GetFontSize(), gap = ImGui::GetStyle().ItemSpacing.x,
                room = ImGui::GetContentRegionAvail().x;
    float used = 0.0f;
    int lines = 1;
    for (const KeyEntry& entry : key) {
        const std::string text = entry.text();
        const float width = size * 1.2f + ImGui::CalcTextSize(text.c_str()).x;
        const bool beside = used > 0.0f && used + gap + width <= room;
        if (used > 0.0f && !beside) ++lines;
        used = beside ? used + gap + width : width;
        if (!draw) continue;
        if (beside) ImGui::SameLine();
        const ImVec2 at = ImGui::GetCursorScreenPos();
        entry.sign(*ImGui::GetWindowDrawList(), {at.x + size * 0.5f, at.y + size * 0.5f}, size * 0.28f);
        ImGui::SetCursorPosX(ImGui::GetCursorPosX() + size * 1.2f);
        ImGui::TextColored(theme().quiet, "%s", text.c_str());
    }
    const float height = static_cast<float>(lines) * ImGui::GetTextLineHeightWithSpacing();
    ImGui::PopFont();
    return height;
}

void draw_marks(const GammaView& view, const GammaCells& cells, PlotFrame& plot) {
    ImDrawList& list = plot.list();
    const auto centre = [&](const GammaFacts::Mark& cell) {
        const std::size_t column = column_of(cells.gamma, cell.row, cell.channel, cells.sorted);
        return plot.at(static_cast<double>(column) + 0.5, static_cast<double>(cell.row) + 0.5);
    };
    const float r = theme().marker * 0.6f;
    for (const GammaFacts::Mark& cell : cells.facts->outlier_cells) {
        draw_mark(list, centre(cell), Shape::circle, r + 1.0f, faded(theme().ground, 0.8f), true);
        draw_mark(list, centre(cell), Shape::circle, r, theme().text, true);
    }
    for (const GammaFacts::Mark& cell : cells.facts->zero_cells) {
        draw_mark(list, centre(cell), Shape::down_triangle, r * 1.9f, theme().panel);
        draw_mark(list, centre(cell), Shape::down_triangle, r * 1.2f, meaning_colour(Meaning::dead),
                  !cell.exact);
    }
    const Selection& hover = view.state.hover;
    const bool mine = view.state.selection.model == view.model.id || view.state.selection.model == 0;
    const auto frame_row = [&](std::size_t row, float alpha) {
        list.AddRect(plot.at(0, static_cast<double>(row)),
                     plot.at(static_cast<double>(cells.facts->columns), static_cast<double>(row) + 1),
                     packed(faded(theme().text, alpha)));
    };
    frame_row(view.focus(), 0.9f);
    if (hover.model == view.model.id && hover.norm && *hover.norm < cells.facts->rows)
        frame_row(*hover.norm, 0.5f);
    const auto column_line = [&](std::size_t channel, float alpha) {
        if (cells.sorted) return;  // a channel has another place in each row
        const float x = plot.at(static_cast<double>(channel) + 0.5, 0).x;
        list.AddLine({x, plot.low().y}, {x, plot.high().y}, packed(faded(theme().text, alpha)));
    };
    if (mine && view.state.selection.channel) column_line(*view.state.selection.channel, 0.8f);
    if (hover.model == view.model.id && hover.channel) column_line(*hover.channel, 0.45f);
}

void answer_pointer(const GammaView& view, const GammaCells& cells, const PlotFrame& plot) {
    if (!plot.pointer()) return;
    const double x = plot.pointer_x(), y = plot.pointer_y();
    if (x < 0 || y < 0 || y >= static_cast<double>(cells.facts->rows)) return;
    const auto row = static_cast<std::size_t>(y), column = static_cast<std::size_t>(x);
    const NormReading& norm = view.gamma().norms[row];
    if (column >= norm.parameters.gamma.size()) return;
    const std::size_t channel = channel_order(cells.gamma, row, cells.sorted)->at(column);
    const double value = norm.parameters.gamma[channel];
    emit_hover(view.intents, view.model, row, norm.spec.block, channel);
    if (plot.clicked()) emit_select(view.intents, view.state, view.model, row, std::nullopt, channel);
    if (!ImGui::BeginTooltip()) return;
    ImGui::TextUnformatted(norm.spec.name.c_str());
    ImGui::TextColored(theme().quiet, "%s · channel %zu", std::string(norm_kind_name(norm.spec.kind)).c_str(),
                       channel);
    push_mono();
    ImGui::Text("γ = %s", exact_text(value).c_str());
    ImGui::PopFont();
    if (value == 0.0) {
        ImGui::TextColored(readable(meaning_colour(Meaning::dead)),
                           "Zero: this channel is constant, its direction is dead.");
    } else if (std::isfinite(value)) {
        const double median = median_magnitude(norm.parameters.gamma);
        ImGui::TextColored(theme().quiet, "%s × the norm's median",
                           number_text(std::abs(value) / median).c_str());
    }
    ImGui::EndTooltip();
}

}  // namespace

void draw_gamma_heatmap(const GammaView& view) {
    if (!gl::available()) {
        draw_reason("The heatmap needs OpenGL 3.3, which this window does not have.",
                    "Lines and Histogram work without it.");
        return;
    }
    try {
        const ViewState::Gamma& g = view.state.view.gamma;
        const GammaCells cells{view.model.gamma, gamma_facts(view.model.gamma), g.sorted};
        Heatmap& heatmap = heatmap_of(cells);
        const Range range = shown_range(view, cells);
        const float s = theme().scale, bar_room = 58.0f * s;
        const std::vector<KeyEntry> key = key_of(cells);
        const ImVec2 size{ImGui::GetContentRegionAvail().x - bar_room,
                          view.height - draw_key(key, /*draw=*/false)};
        ImVec2 low{}, high{};
        const ImVec2 corner = ImGui::GetCursorScreenPos();
        {
            FrameSpec spec{.id = "##gamma heatmap", .size = size, .intents = &view.intents};
            spec.x = {.label = g.sorted ? "rank of the channel by γ, largest first" : "channel",
                      .range = {0.0, static_cast<double>(cells.facts->columns)},
                      .counts = true,
                      .grid = false};
            spec.y = {.range = {0.0, static_cast<double>(cells.facts->rows)},
                      .inverted = true,
                      .grid = false,
                      .ticks = row_ticks(view.gamma(), size.y - 44.0f * s)};
            spec.table = [&view] { return gamma_table(view.model); };
            PlotFrame plot(spec);
            if (plot) {
                low = {std::round(plot.low().x), std::round(plot.low().y)};
                high = {std::round(plot.high().x), std::round(plot.high().y)};
                const ImVec2 dpi = ImGui::GetIO().DisplayFramebufferScale;
                HeatmapLook look{.map = static_cast<ColourMap>(g.colour_map),
                                 .log_scale = g.log_scale,
                                 .range = range,
                                 .columns = plot.x_view(),
                                 .rows = plot.y_view(),
                                 .width = static_cast<int>((high.x - low.x) * dpi.x),
                                 .height = static_cast<int>((high.y - low.y) * dpi.y),
                                 .zero = meaning_colour(Meaning::dead),
                                 .hatch = faded(theme().panel, 0.75f),
                                 .invalid = meaning_colour(Meaning::dead),
                                 .outside = theme().panel,
                                 .hatch_period = 7.0f * s * dpi.x};
                const ImTextureID picture = heatmap.draw(look);
                if (picture != ImTextureID_Invalid) plot.list().AddImage(picture, low, high);
                draw_marks(view, cells, plot);
                answer_pointer(view, cells, plot);
            }
        }
        const ImVec2 after = ImGui::GetCursorScreenPos();
        draw_colour_bar(view, range, {corner.x + size.x + 8 * s, low.y}, 10 * s, high.y - low.y);
        ImGui::SetCursorScreenPos({corner.x + size.x + 4 * s, low.y});
        if (ImGui::InvisibleButton("colour bar", {bar_room - 4 * s, std::max(1.0f, high.y - low.y)}))
            ImGui::OpenPopup("colour range");
        explain({"|γ| by colour; click to choose the colours and the range", "none",
                 "outside of the range the end colours are kept"});
        draw_range_popup(view, range);
        ImGui::SetCursorScreenPos(after);
        draw_key(key, /*draw=*/true);
    } catch (const Error& error) {
        draw_reason("The heatmap can't be drawn here.", error.message());
    }
}

}  // namespace deadscope

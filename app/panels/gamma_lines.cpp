// γ as one line a norm, and as a histogram of |γ|: the norm in focus stands out, the other shown models'
// beside it.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "app/panels/gamma_views.h"
#include "app/plots/decimate.h"
#include "app/plots/frame.h"
#include "app/plots/histogram.h"
#include "app/plots/parts.h"
#include "app/scene/heatmap.h"
#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr std::size_t most_lines = 96;  // of norms behind the one in focus; deeper models show every k-th

// The norm of another model that stands where this one does: same role and block, else the final one.
const NormReading& counterpart(const GammaReading& other, const NormSpec& norm) {
    for (const NormReading& candidate : other.norms) {
        if (candidate.spec.role == norm.role && candidate.spec.block == norm.block) return candidate;
    }
    return other.norms[other.final_norm];
}

std::vector<std::uint32_t> order_of(const std::vector<double>& values, bool sorted) {
    std::vector<std::uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0u);
    if (sorted) {
        std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
            return std::isnan(values[a]) ? !std::isnan(values[b]) : values[a] > values[b];
        });
    }
    return order;
}

std::vector<ImVec2> norm_line(const PlotFrame& plot, const std::vector<double>& values, bool sorted,
                              bool log_scale) {
    const std::vector<std::uint32_t> order = order_of(values, sorted);
    std::vector<ImVec2> points(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        const double value = values[order[i]];
        points[i] = plot.at(static_cast<double>(i), log_scale ? std::abs(value) : value);
    }
    return decimate(points);
}

ImVec4 depth_colour(const GammaView& view, std::size_t row, float alpha) {
    const std::vector<unsigned char>& rgb =
        colour_table(static_cast<ColourMap>(view.state.view.gamma.colour_map));
    const auto rows = static_cast<double>(std::max<std::size_t>(view.gamma().norms.size(), 2));
    const auto entry = static_cast<std::size_t>(40.0 + 200.0 * static_cast<double>(row) / (rows - 1.0)) * 3;
    const auto channel = [&](std::size_t k) { return static_cast<float>(rgb[entry + k]) / 255.0f; };
    return {channel(0), channel(1), channel(2), alpha};
}

Range lines_range(const GammaView& view) {
    std::vector<double> values;
    for (const NormReading& norm : view.gamma().norms) {
        for (const double value : norm.parameters.gamma) {
            values.push_back(view.state.view.gamma.log_scale ? std::abs(value) : value);
        }
    }
    if (!view.state.view.gamma.log_scale) return pad_linear(linear_range(values), 0.06, 0.06);
    const Range all = log_range(values);
    // A stray 1e-33 would leave no room for the rest: it is shown at the edge, hollow.
    return pad_log({std::max(all.low, median_magnitude(values) * 1e-4), all.high}, 0.15, 0.1);
}

void draw_focus_marks(const GammaView& view, PlotFrame& plot, const NormReading& norm) {
    const bool log_scale = view.state.view.gamma.log_scale;
    const std::vector<double>& values = norm.parameters.gamma;
    const std::vector<std::uint32_t> order = order_of(values, view.state.view.gamma.sorted);
    const double median = median_magnitude(values);
    const float r = theme().marker * 0.6f;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const double value = values[order[i]], size = std::abs(value);
        const double shown = log_scale ? size : value;
        ImVec2 at = plot.at(static_cast<double>(i), shown);
        const bool edge = log_scale && plot.clipped(shown);
        if (edge) at.y -= r * 1.4f;  // wholly inside
        if (edge) {
            draw_mark(plot.list(), at, Shape::down_triangle, r, meaning_colour(Meaning::dead), value != 0.0);
        } else if (size > 10.0 * median || size < median / 10.0) {
            draw_mark(plot.list(), at, Shape::circle, r, readable(meaning_colour(Meaning::dead)), true);
        } else if (log_scale && value < 0.0) {
            draw_mark(plot.list(), at, Shape::cross, r * 0.8f, theme().text);
        }
    }
}

void point_at_lines(const GammaView& view, const PlotFrame& plot, const NormReading& norm) {
    if (!plot.pointer()) return;
    const std::vector<double>& values = norm.parameters.gamma;
    const double x = std::round(plot.pointer_x());
    if (x < 0 || x >= static_cast<double>(values.size())) return;
    const std::size_t channel = order_of(values, view.state.view.gamma.sorted)[static_cast<std::size_t>(x)];
    const double shown = view.state.view.gamma.log_scale ? std::abs(values[channel]) : values[channel];
    draw_mark(plot.list(), plot.at(x, shown), Shape::circle, theme().marker * 0.7f, theme().text, true);
    emit_hover(view.intents, view.model, view.focus(), norm.spec.block, channel);
    if (plot.clicked())
        emit_select(view.intents, view.state, view.model, view.focus(), std::nullopt, channel);
    if (!ImGui::BeginTooltip()) return;
    ImGui::TextUnformatted(norm.spec.name.c_str());
    ImGui::TextColored(theme().quiet, "channel %zu", channel);
    push_mono();
    ImGui::Text("γ = %s", exact_text(values[channel]).c_str());
    ImGui::PopFont();
    ImGui::EndTooltip();
}

// A model's counts as an outline of steps, filled for the one in focus.
void draw_steps(PlotFrame& plot, const LogHistogram& histogram, const LineStyle& style, bool filled) {
    std::vector<ImVec2> outline;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        const auto count = static_cast<double>(histogram.counts[i]);
        const ImVec2 left = plot.at(histogram.edges[i], count),
                     right = plot.at(histogram.edges[i + 1], count);
        if (filled && count > 0) {
            plot.list().AddRectFilled({left.x, left.y}, {right.x - 1.0f, plot.at(1, 0).y},
                                      packed(faded(style.colour, 0.45f)));
        }
        outline.push_back(left);
        outline.push_back(right);
    }
    draw_line(plot.list(), outline, style);
    plot.labels().occupy(outline);
}

Table histogram_table(const OpenModel& model, const NormReading& norm, const LogHistogram& histogram) {
    Table table{
        "gamma-histogram-" + model.label, provenance_notes(model, nullptr), {"low", "high", "count"}, {}};
    table.notes.push_back("norm: " + norm.spec.name + ", zeros: " + std::to_string(histogram.zeros));
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        table.rows.push_back(
            {histogram.edges[i], histogram.edges[i + 1], static_cast<std::int64_t>(histogram.counts[i])});
    }
    return table;
}

}  // namespace

void draw_gamma_lines(const GammaView& view) {
    const ViewState::Gamma& g = view.state.view.gamma;
    const GammaReading& gamma = view.gamma();
    const std::size_t focus = view.focus();
    const NormReading& norm = gamma.norms[focus];
    FrameSpec spec{.id = g.log_scale ? "##gamma lines, log" : "##gamma lines",
                   .size = {0, view.height},
                   .intents = &view.intents};
    std::size_t widest = 1;
    for (const NormReading& one : gamma.norms) widest = std::max(widest, one.parameters.gamma.size());
    spec.x = {.label = g.sorted ? "rank of the channel by γ, largest first" : "channel",
              .range = pad_linear({0.0, static_cast<double>(widest)}, 0.01, 0.03),
              .counts = true};
    spec.y = {.label = g.log_scale ? "|γ|, log" : "γ", .range = lines_range(view), .log = g.log_scale};
    spec.table = [&view] { return gamma_table(view.model); };
    PlotFrame plot(spec);
    if (!plot) return;
    const std::size_t step = (gamma.norms.size() + most_lines - 1) / most_lines;
    for (std::size_t row = 0; row < gamma.norms.size(); row += step) {
        if (row == focus) continue;
        const bool hovered = view.state.hover.model == view.model.id && view.state.hover.norm == row;
        draw_line(plot.list(), norm_line(plot, gamma.norms[row].parameters.gamma, g.sorted, g.log_scale),
                  {depth_colour(view, row, hovered ? 1.0f : 0.55f), theme().line * (hovered ? 1.0f : 0.5f)});
    }
    for (const OpenModel& other : view.state.models) {
        if (&other == &view.model || !other.shown || !other.gamma || other.gamma->norms.empty()) continue;
        const NormReading& theirs = counterpart(*other.gamma, norm.spec);
        const auto points = norm_line(plot, theirs.parameters.gamma, g.sorted, g.log_scale);
        draw_line(plot.list(), points, model_line(other, false));
        plot.labels().occupy(points);
        if (points.empty()) continue;
        const std::array anchors{points[points.size() / 2], points[points.size() / 4], points.back()};
        plot.label(other.label, readable(model_colour(other.colour)), anchors);
    }
    const auto points = norm_line(plot, norm.parameters.gamma, g.sorted, g.log_scale);
    draw_line(plot.list(), points, model_line(view.model, true));
    plot.labels().occupy(points);
    draw_focus_marks(view, plot, norm);
    if (!points.empty()) {
        const std::array anchors{points[points.size() / 5], points[points.size() / 2], points.back()};
        plot.label(view.model.label + ", " + short_name(norm.spec), readable(model_colour(view.model.colour)),
                   anchors);
    }
    point_at_lines(view, plot, norm);
}

void draw_gamma_histogram(const GammaView& view) {
    const NormReading& norm = view.gamma().norms[view.focus()];
    const std::vector<double>& values = norm.parameters.gamma;
    struct Layer {
        const OpenModel* model;
        const NormReading* norm;
        LogHistogram histogram;
    };
    std::vector<Layer> layers;
    std::vector<double> sizes;
    const auto add = [&](const OpenModel& model, const NormReading& one) {
        layers.push_back({&model, &one, {}});
        for (const double value : one.parameters.gamma) sizes.push_back(std::abs(value));
    };
    for (const OpenModel& other : view.state.models) {
        if (&other != &view.model && other.shown && other.gamma && !other.gamma->norms.empty()) {
            add(other, counterpart(*other.gamma, norm.spec));
        }
    }
    add(view.model, norm);
    const Range all = log_range(sizes);
    const double median = median_magnitude(sizes);
    const Range range =
        pad_log({std::max(all.low, median * 1e-3), std::min(all.high, median * 1e3)}, 0.02, 0.02);
    double top = 1.0;
    for (Layer& layer : layers) {
        layer.histogram = log_histogram(layer.norm->parameters.gamma, range, 48);
        for (const std::size_t count : layer.histogram.counts)
            top = std::max(top, static_cast<double>(count));
    }
    FrameSpec spec{.id = "##gamma histogram", .size = {0, view.height}, .intents = &view.intents};
    spec.x = {
        .label = "|γ| of " + norm.spec.name + ", log", .range = pad_log(range, 0.02, 0.02), .log = true};
    spec.y = {.label = "channels", .range = {0.0, top * 1.15}, .counts = true};
    spec.table = [&] { return histogram_table(view.model, norm, layers.back().histogram); };
    PlotFrame plot(spec);
    if (!plot) return;
    for (const Layer& layer : layers) {
        const bool mine = layer.model == &view.model;
        draw_steps(plot, layer.histogram, model_line(*layer.model, mine), mine);
    }
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
        const auto peak = static_cast<std::size_t>(std::ranges::max_element(layer->histogram.counts) -
                                                   layer->histogram.counts.begin());
        const std::array anchors{
            plot.at(layer->histogram.edges[peak + 1], static_cast<double>(layer->histogram.counts[peak])),
            plot.at(layer->histogram.edges[peak], static_cast<double>(layer->histogram.counts[peak]))};
        plot.label(layer->model->label, readable(model_colour(layer->model->colour)), anchors);
    }
    const std::size_t below = layers.back().histogram.outside, zeros = layers.back().histogram.zeros;
    if (zeros + below > 0) {
        const ImVec2 at{plot.low().x + theme().marker * 1.5f, plot.high().y - theme().marker * 1.5f};
        draw_mark(plot.list(), at, Shape::down_triangle, theme().marker * 0.7f, meaning_colour(Meaning::dead),
                  zeros == 0);
        const std::string words = zeros ? std::to_string(zeros) + " exactly 0"
                                        : std::to_string(below) + " beyond 1000× of the median";
        plot.label(words, readable(meaning_colour(Meaning::dead)), std::array{at});
    }
    if (plot.pointer() && ImGui::BeginTooltip()) {
        const LogHistogram& h = layers.back().histogram;
        const auto bin = std::ranges::upper_bound(h.edges, plot.pointer_x()) - h.edges.begin() - 1;
        if (bin >= 0 && bin < static_cast<std::ptrdiff_t>(h.counts.size())) {
            const auto i = static_cast<std::size_t>(bin);
            ImGui::Text("%zu of %zu channels", h.counts[i], values.size());
            ImGui::TextColored(theme().quiet, "|γ| from %s to %s", number_text(h.edges[i]).c_str(),
                               number_text(h.edges[i + 1]).c_str());
        } else {
            ImGui::TextUnformatted("No channel of this norm lies here.");
        }
        ImGui::EndTooltip();
    }
}

}  // namespace deadscope

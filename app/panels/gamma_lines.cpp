// γ as one line a norm, and as a histogram of |γ|: the norm in focus stands out, the other shown models'
// beside it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <tuple>

#include "app/panels/gamma_cells.h"
#include "app/panels/gamma_views.h"
#include "app/plots/frame.h"
#include "app/plots/histogram.h"
#include "app/plots/kept.h"
#include "app/plots/order.h"
#include "app/plots/parts.h"
#include "app/scene/heatmap.h"
#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr std::size_t most_lines = 96;  // of norms behind the one in focus; deeper models show every k-th

// The norm of another model that stands where this one does: same role and block, else the final one.
std::size_t counterpart(const GammaReading& other, const NormSpec& norm) {
    for (std::size_t row = 0; row < other.norms.size(); ++row) {
        const NormSpec& candidate = other.norms[row].spec;
        if (candidate.role == norm.role && candidate.block == norm.block) return row;
    }
    return other.final_norm;
}

// One norm as the plot shows it.
struct NormLine {
    std::shared_ptr<const std::vector<std::uint32_t>> order;  // [d] channel at each place
    std::vector<double> shown;                                // [d] γ, or |γ| on a log axis, in that order
};
using Line = std::shared_ptr<const NormLine>;

// Tells the lines of one γ apart: the norm and how it is shown.
std::size_t line_key(std::size_t row, const ViewState::Gamma& g) {
    return row * 4 + (g.sorted ? 2 : 0) + (g.log_scale ? 1 : 0);
}

Line line_of(const OpenModel& model, std::size_t row, const ViewState::Gamma& g) {
    static Kept<std::size_t, NormLine> kept(512);
    return kept.of(model.gamma, line_key(row, g), [&] {
        const std::vector<double>& values = model.gamma->norms[row].parameters.gamma;
        NormLine line;
        line.order = channel_order(model.gamma, row, g.sorted);
        line.shown = in_order(values, *line.order);
        if (g.log_scale)
            for (double& value : line.shown) value = std::abs(value);
        return line;
    });
}

Points line_points(const PlotFrame& plot, const OpenModel& model, std::size_t row, const ViewState::Gamma& g,
                   float column_px) {
    const Line line = line_of(model, row, g);
    return plot.series(
        {model.gamma, line_key(row, g) * 2 + (column_px > 1.0f ? 1 : 0), line->shown, 0.0, column_px});
}

ImVec4 depth_colour(const GammaView& view, std::size_t row, float alpha) {
    const std::vector<unsigned char>& rgb =
        colour_table(static_cast<ColourMap>(view.state.view.gamma.colour_map));
    const auto rows = static_cast<double>(std::max<std::size_t>(view.gamma().norms.size(), 2));
    const auto entry = static_cast<std::size_t>(40.0 + 200.0 * static_cast<double>(row) / (rows - 1.0)) * 3;
    const auto channel = [&](std::size_t k) { return static_cast<float>(rgb[entry + k]) / 255.0f; };
    return {channel(0), channel(1), channel(2), alpha};
}

Range make_lines_range(const GammaReading& gamma, bool log_scale) {
    Range all{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    std::vector<double> sizes;  // of each norm: the root mean square of its γ
    for (const NormReading& norm : gamma.norms) {
        const std::vector<double>& values = norm.parameters.gamma;
        sizes.push_back(norm.gamma.l2 /
                        std::sqrt(static_cast<double>(std::max<std::size_t>(1, values.size()))));
        for (const double value : values) {
            const double shown = log_scale ? std::abs(value) : value;
            if (!std::isfinite(shown) || (log_scale && shown == 0.0)) continue;
            all = {std::min(all.low, shown), std::max(all.high, shown)};
        }
    }
    if (!(all.low <= all.high)) all = log_scale ? log_range({}) : linear_range({});
    const std::array ends{all.low, all.high};  // equal ones become a range too
    if (!log_scale) return pad_linear(linear_range(ends), 0.06, 0.06);
    all = log_range(ends);
    // A stray 1e-33 would leave no room for the rest: it is shown at the edge, hollow.
    return pad_log({std::max(all.low, median_magnitude(sizes) * 1e-4), all.high}, 0.15, 0.1);
}

Range lines_range(const GammaView& view) {
    static Kept<bool, Range> kept;
    const bool log_scale = view.state.view.gamma.log_scale;
    return *kept.of(view.model.gamma, log_scale, [&] { return make_lines_range(view.gamma(), log_scale); });
}

// Which channels of a norm get a mark wherever they are, so that the others are not looked at in every frame.
struct Marked {
    struct Place {
        std::size_t at = 0;  // along the line
        bool stray = false;  // ten times off the median, or more; else one below 0 on a log axis
    };
    std::vector<Place> places;
    double least = 0.0;  // of all that is shown
};

std::shared_ptr<const Marked> marked_of(const GammaView& view, const NormReading& norm,
                                        const NormLine& line) {
    static Kept<std::size_t, Marked> kept(32);
    const ViewState::Gamma& g = view.state.view.gamma;
    return kept.of(view.model.gamma, line_key(view.focus(), g), [&] {
        const std::vector<double>& values = norm.parameters.gamma;
        const double median = median_magnitude(values);
        Marked marked{.places = {}, .least = std::numeric_limits<double>::infinity()};
        for (std::size_t i = 0; i < line.order->size(); ++i) {
            const double value = values[(*line.order)[i]], size = std::abs(value);
            const bool stray = size > 10.0 * median || size < median / 10.0;
            if (stray || (g.log_scale && value < 0.0)) marked.places.push_back({i, stray});
            marked.least = std::min(marked.least, line.shown[i]);
        }
        return marked;
    });
}

// What lies below the view is shown at its edge, wholly inside.
void draw_edge_mark(PlotFrame& plot, ImVec2 at, bool zero) {
    const float r = theme().marker * 0.6f;
    draw_mark(plot.list(), {at.x, at.y - r * 1.4f}, Shape::down_triangle, r, meaning_colour(Meaning::dead),
              !zero);
}

// A view zoomed in may have thousands below it: of many in one place one mark.
void draw_edge_marks(PlotFrame& plot, const std::vector<double>& gamma, const NormLine& line) {
    float last = -std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < line.shown.size(); ++i) {
        if (!plot.clipped(line.shown[i])) continue;
        const ImVec2 at = plot.at(static_cast<double>(i), line.shown[i]);
        if (at.x < plot.low().x || at.x > plot.high().x || at.x - last < theme().marker * 0.3f) continue;
        last = at.x;
        draw_edge_mark(plot, at, gamma[(*line.order)[i]] == 0.0);
    }
}

void draw_focus_marks(const GammaView& view, PlotFrame& plot, const NormReading& norm, const NormLine& line) {
    const float r = theme().marker * 0.6f;
    const std::vector<double>& gamma = norm.parameters.gamma;
    const std::shared_ptr<const Marked> marked = marked_of(view, norm, line);
    if (plot.clipped(marked->least)) draw_edge_marks(plot, gamma, line);
    for (const Marked::Place& place : marked->places) {
        const double shown = line.shown[place.at];
        const ImVec2 at = plot.at(static_cast<double>(place.at), shown);
        if (plot.clipped(shown)) {
            draw_edge_mark(plot, at, gamma[(*line.order)[place.at]] == 0.0);
        } else if (place.stray) {
            draw_mark(plot.list(), at, Shape::circle, r, readable(meaning_colour(Meaning::dead)), true);
        } else {
            draw_mark(plot.list(), at, Shape::cross, r * 0.8f, theme().text);
        }
    }
}

void point_at_lines(const GammaView& view, const PlotFrame& plot, const NormReading& norm,
                    const NormLine& line) {
    if (!plot.pointer()) return;
    const double x = std::round(plot.pointer_x());
    if (x < 0 || x >= static_cast<double>(line.order->size())) return;
    const std::size_t place = static_cast<std::size_t>(x), channel = (*line.order)[place];
    draw_mark(plot.list(), plot.at(x, line.shown[place]), Shape::circle, theme().marker * 0.7f, theme().text,
              true);
    emit_hover(view.intents, view.model, view.focus(), norm.spec.block, channel);
    if (plot.clicked())
        emit_select(view.intents, view.state, view.model, view.focus(), std::nullopt, channel);
    if (!ImGui::BeginTooltip()) return;
    ImGui::TextUnformatted(norm.spec.name.c_str());
    ImGui::TextColored(theme().quiet, "channel %zu", channel);
    push_mono();
    ImGui::Text("γ = %s", exact_text(norm.parameters.gamma[channel]).c_str());
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

// One model's norm in the histogram.
struct Layer {
    const OpenModel* model;
    std::size_t row;
    std::shared_ptr<const LogHistogram> histogram;
};

struct Spread {
    Range range;  // of |γ|, where it is not 0
    double median = 0.0;
};

Spread spread_of(const Layer& layer) {
    static Kept<std::size_t, Spread> kept;
    return *kept.of(layer.model->gamma, layer.row, [&] {
        std::vector<double> sizes = layer.model->gamma->norms[layer.row].parameters.gamma;
        for (double& value : sizes) value = std::abs(value);
        return Spread{log_range(sizes), median_magnitude(sizes)};
    });
}

// Counts every layer over one range: all values, but for those a thousand times off the models' medians.
Range count_layers(std::vector<Layer>& layers) {
    static Kept<std::tuple<std::size_t, double, double>, LogHistogram> kept;
    Range all = spread_of(layers.back()).range;
    double low = 0.0, high = 0.0;  // of the medians
    for (const Layer& layer : layers) {
        const Spread spread = spread_of(layer);
        all = join(all, spread.range);
        if (!(spread.median > 0.0)) continue;
        low = low > 0.0 ? std::min(low, spread.median) : spread.median;
        high = std::max(high, spread.median);
    }
    if (high > 0.0) all = {std::max(all.low, low * 1e-3), std::min(all.high, high * 1e3)};
    const Range range = pad_log(all, 0.02, 0.02);
    for (Layer& layer : layers) {
        layer.histogram = kept.of(layer.model->gamma, {layer.row, range.low, range.high}, [&] {
            return log_histogram(layer.model->gamma->norms[layer.row].parameters.gamma, range, 48);
        });
    }
    return range;
}

// The norms behind the one in focus, coloured by depth. The more there are the coarser each may be: a column
// of pixels gives a line two points as a rule.
constexpr float most_depth_points = 32000.0f;

void draw_depths(const GammaView& view, const PlotFrame& plot) {
    const ViewState::Gamma& g = view.state.view.gamma;
    const std::size_t norms = view.gamma().norms.size(), focus = view.focus();
    const std::size_t step = (norms + most_lines - 1) / most_lines;
    const float points = 2.0f * (plot.high().x - plot.low().x) * static_cast<float>(norms / step);
    const float column_px = std::max(1.5f, points / most_depth_points);
    for (std::size_t row = 0; row < norms; row += step) {
        if (row == focus) continue;
        const bool hovered = view.state.hover.model == view.model.id && view.state.hover.norm == row;
        draw_line(plot.list(), *line_points(plot, view.model, row, g, column_px),
                  {depth_colour(view, row, hovered ? 1.0f : 0.55f), theme().line * (hovered ? 1.0f : 0.5f)});
    }
}

void draw_counterparts(const GammaView& view, PlotFrame& plot, const NormSpec& norm) {
    for (const OpenModel& other : view.state.models) {
        if (&other == &view.model || !other.shown || !other.gamma || other.gamma->norms.empty()) continue;
        const Points points =
            line_points(plot, other, counterpart(*other.gamma, norm), view.state.view.gamma, 1.0f);
        draw_line(plot.list(), *points, model_line(other, false));
        plot.labels().occupy(*points);
        if (points->empty()) continue;
        const std::array anchors{(*points)[points->size() / 2], (*points)[points->size() / 4],
                                 points->back()};
        plot.label(other.label, readable(model_colour(other.colour)), anchors, /*spare=*/true);
    }
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
    draw_depths(view, plot);
    draw_counterparts(view, plot, norm.spec);
    const Points points = line_points(plot, view.model, focus, g, 1.0f);
    const Line line = line_of(view.model, focus, g);
    draw_line(plot.list(), *points, model_line(view.model, true));
    plot.labels().occupy(*points);
    draw_focus_marks(view, plot, norm, *line);
    if (!points->empty()) {
        const std::array anchors{(*points)[points->size() / 5], (*points)[points->size() / 2],
                                 points->back()};
        plot.label(view.model.label + ", " + short_name(norm.spec), readable(model_colour(view.model.colour)),
                   anchors);
    }
    point_at_lines(view, plot, norm, *line);
}

void draw_gamma_histogram(const GammaView& view) {
    const NormReading& norm = view.gamma().norms[view.focus()];
    const std::vector<double>& values = norm.parameters.gamma;
    std::vector<Layer> layers;
    for (const OpenModel& other : view.state.models) {
        if (&other != &view.model && other.shown && other.gamma && !other.gamma->norms.empty())
            layers.push_back({&other, counterpart(*other.gamma, norm.spec), {}});
    }
    layers.push_back({&view.model, view.focus(), {}});
    const Range range = count_layers(layers);
    double top = 1.0;
    for (const Layer& layer : layers)
        top = std::max(top, static_cast<double>(std::ranges::max(layer.histogram->counts)));
    FrameSpec spec{.id = "##gamma histogram", .size = {0, view.height}, .intents = &view.intents};
    spec.x = {
        .label = "|γ| of " + norm.spec.name + ", log", .range = pad_log(range, 0.02, 0.02), .log = true};
    spec.y = {.label = "channels", .range = {0.0, top * 1.15}, .counts = true};
    spec.table = [&] { return histogram_table(view.model, norm, *layers.back().histogram); };
    PlotFrame plot(spec);
    if (!plot) return;
    for (const Layer& layer : layers) {
        const bool mine = layer.model == &view.model;
        draw_steps(plot, *layer.histogram, model_line(*layer.model, mine), mine);
    }
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
        const auto peak = static_cast<std::size_t>(std::ranges::max_element(layer->histogram->counts) -
                                                   layer->histogram->counts.begin());
        const std::array anchors{
            plot.at(layer->histogram->edges[peak + 1], static_cast<double>(layer->histogram->counts[peak])),
            plot.at(layer->histogram->edges[peak], static_cast<double>(layer->histogram->counts[peak]))};
        plot.label(layer->model->label, readable(model_colour(layer->model->colour)), anchors,
                   /*spare=*/layer->model != &view.model);
    }
    const std::size_t below = layers.back().histogram->outside, zeros = layers.back().histogram->zeros;
    if (zeros + below > 0) {
        const ImVec2 at{plot.low().x + theme().marker * 1.5f, plot.high().y - theme().marker * 1.5f};
        draw_mark(plot.list(), at, Shape::down_triangle, theme().marker * 0.7f, meaning_colour(Meaning::dead),
                  zeros == 0);
        const std::string words = zeros ? std::to_string(zeros) + " exactly 0"
                                        : std::to_string(below) + " beyond 1000× of the median";
        plot.label(words, readable(meaning_colour(Meaning::dead)), std::array{at});
    }
    if (plot.pointer() && ImGui::BeginTooltip()) {
        const LogHistogram& h = *layers.back().histogram;
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

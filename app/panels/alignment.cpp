// The alignment panel: predicted v against measured u_d, component by component or as a scatter, and |⟨v,
// u_i⟩| over all measured directions beside the baselines without which an alignment means nothing (math.md
// §2).
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "app/panels/panels.h"
#include "app/plots/decimate.h"
#include "app/plots/frame.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr Explanation alignment_explained{
    "How far the measured bottom direction u_d points along the predicted one.", "none: 0 to 1",
    "|⟨v, u_d⟩|,  v = γ⁻¹/‖γ⁻¹‖,  u_d: right singular vector of the smallest σ"};
constexpr Explanation subspace_explained{
    "The length of v inside the span of all dead directions: right also where u_d is not unique.",
    "none: 0 to 1", "‖P_dead v‖"};
constexpr Explanation determined_explained{
    "Whether u_d is unique: the next singular value stands clear of the smallest and of the noise.", "none",
    "sin θ ≤ ‖E‖ / (σ_{d−1} − σ_d)  (Wedin)"};
constexpr Explanation predicted_explained{"Component of the predicted unit vector v, from γ alone", "none",
                                          "v = γ⁻¹/‖γ⁻¹‖"};

struct Pair {
    const OpenModel& model;
    const std::vector<double>& v;         // [d], predicted
    const std::vector<double>* measured;  // [d], u_d; nullptr while the pass is at work
};

void draw_number(const char* name, const std::string& value, const Explanation& text, bool& first) {
    push_type(Type::small_print);
    float width = ImGui::CalcTextSize(name).x + 5 * theme().scale;
    ImGui::PopFont();
    push_mono(Type::small_print);
    width += ImGui::CalcTextSize(value.c_str()).x;
    ImGui::PopFont();
    if (!first) next_in_row(width);
    first = false;
    ImGui::BeginGroup();
    push_type(Type::small_print);
    ImGui::TextColored(theme().quiet, "%s", name);
    ImGui::SameLine(0, 5 * theme().scale);
    ImGui::PopFont();
    push_mono(Type::small_print);
    ImGui::TextUnformatted(value.c_str());
    ImGui::PopFont();
    ImGui::EndGroup();
    explain(text);
}

void draw_numbers(const Run& run) {
    const Alignment& a = run.alignment;
    bool first = true;
    draw_number("|⟨v, u_d⟩|", a.value ? alignment_text(*a.value) : "–", alignment_explained, first);
    draw_number("‖P_dead v‖", a.subspace ? alignment_text(*a.subspace) : "–", subspace_explained, first);
    draw_number("u_d", a.value ? (a.well_determined ? "unique" : "not unique") : "not measurable",
                determined_explained, first);
}

void draw_switches(const ExplorerState& state, Intents& intents) {
    const ViewState::Alignment& view = state.view.alignment;
    int chosen = 0;
    if (draw_choice("view", {"Components", "All directions", "Scatter"}, view.tab, chosen)) {
        intents.view([chosen](ViewState& v) { v.alignment.tab = chosen; });
    }
    if (view.tab == 0) {
        next_in_row("sorted");
        if (draw_switch("sorted", view.sorted, {"Channels in order of v, largest first", "", ""})) {
            intents.view([](ViewState& v) { v.alignment.sorted = !v.alignment.sorted; });
        }
    }
}

Table component_table(const Pair& pair) {
    Table table{"alignment-" + pair.model.label,
                provenance_notes(pair.model, main_run(pair.model, true)),
                {"channel", "predicted_v", "measured_u_d"},
                {}};
    for (std::size_t i = 0; i < pair.v.size(); ++i) {
        table.rows.push_back({static_cast<std::int64_t>(i), pair.v[i],
                              pair.measured ? Cell(pair.measured->at(i)) : Cell(std::string())});
    }
    return table;
}

Range component_range(const Pair& pair) {
    Range range = linear_range(pair.v);
    if (pair.measured) range = join(range, linear_range(*pair.measured));
    return pad_linear(join(range, {0.0, 0.0}), 0.06, 0.24);  // room for the labels above
}

void channel_tooltip(const Pair& pair, std::size_t channel) {
    if (!ImGui::BeginTooltip()) return;
    ImGui::TextColored(theme().quiet, "channel %zu", channel);
    push_mono();
    ImGui::TextColored(readable(meaning_colour(Meaning::predicted)), "v   = %s",
                       exact_text(pair.v[channel]).c_str());
    if (pair.measured) {
        ImGui::TextColored(readable(meaning_colour(Meaning::measured)), "u_d = %s",
                           exact_text((*pair.measured)[channel]).c_str());
        ImGui::Text("u_d − v = %s", number_text((*pair.measured)[channel] - pair.v[channel]).c_str());
    }
    ImGui::PopFont();
    explanation_lines(predicted_explained);
    ImGui::EndTooltip();
}

void draw_series(PlotFrame& plot, const std::vector<double>& values, const std::vector<std::size_t>& order,
                 Meaning meaning) {
    std::vector<ImVec2> points(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        points[i] = plot.at(static_cast<double>(i), values[order[i]]);
    const ImVec4 colour = meaning_colour(meaning);
    const bool predicted = meaning == Meaning::predicted;
    const float each = points.size() > 1 ? std::abs(points[1].x - points[0].x) : 100.0f;
    const std::vector<ImVec2> line = decimate(points);
    if (each < 7.0f * theme().scale) {
        // Measured below, thick and pale; predicted dashed on top: where they agree both are seen.
        draw_line(plot.list(), line,
                  predicted ? LineStyle{colour, theme().line * 0.75f, Dash::dashes}
                            : LineStyle{faded(colour, 0.8f), theme().line * 1.4f, Dash::solid});
    } else {
        const float zero = plot.at(0, 0).y;
        for (const ImVec2 p : points) {
            if (!predicted) plot.list().AddLine({p.x, zero}, p, packed(faded(colour, 0.5f)), theme().line);
            draw_mark(plot.list(), p, predicted ? Shape::diamond : Shape::circle,
                      theme().marker * (predicted ? 0.4f : 0.62f), colour);
        }
    }
    plot.labels().occupy(line);
    if (points.empty()) return;
    const auto peak =
        static_cast<std::size_t>(std::ranges::min_element(points, {}, &ImVec2::y) - points.begin());
    const std::array anchors{points[peak], points[points.size() / 2], points.back(), points.front()};
    plot.label(predicted ? "predicted v" : "measured u_d", readable(colour), anchors);
}

void draw_components(const ExplorerState& state, const Pair& pair, Intents& intents, float height) {
    const bool sorted = state.view.alignment.sorted;
    std::vector<std::size_t> order(pair.v.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (sorted) std::ranges::stable_sort(order, std::greater<>{}, [&](std::size_t i) { return pair.v[i]; });
    FrameSpec spec{.id = "##components", .size = {0, height}, .intents = &intents};
    spec.x = {.label = sorted ? "rank of the channel by v" : "channel",
              .range = pad_linear({0.0, static_cast<double>(pair.v.size()) - 1.0}, 0.02, 0.02),
              .counts = true};
    spec.y = {
        .label = "component of a unit vector", .short_label = "component", .range = component_range(pair)};
    spec.table = [&] { return component_table(pair); };
    PlotFrame plot(spec);
    if (!plot) return;
    const float zero = plot.at(0, 0).y;
    plot.list().AddLine({plot.low().x, zero}, {plot.high().x, zero}, packed(faded(theme().quiet, 0.6f)));
    if (pair.measured) draw_series(plot, *pair.measured, order, Meaning::measured);
    draw_series(plot, pair.v, order, Meaning::predicted);
    const auto mark_channel = [&](std::size_t channel, float alpha) {
        const auto place = std::ranges::find(order, channel);
        if (place == order.end()) return;
        const float x = plot.at(static_cast<double>(place - order.begin()), 0).x;
        plot.list().AddLine({x, plot.low().y}, {x, plot.high().y}, packed(faded(theme().text, alpha)));
    };
    if (state.selection.model == pair.model.id && state.selection.channel)
        mark_channel(*state.selection.channel, 0.6f);
    if (state.hover.model == pair.model.id && state.hover.channel) mark_channel(*state.hover.channel, 0.35f);
    const double x = plot.pointer() ? std::round(plot.pointer_x()) : -1.0;
    if (x < 0 || x >= static_cast<double>(order.size())) return;
    const std::size_t channel = order[static_cast<std::size_t>(x)];
    emit_hover(intents, pair.model, std::nullopt, std::nullopt, channel);
    if (plot.clicked()) emit_select(intents, state, pair.model, std::nullopt, std::nullopt, channel);
    channel_tooltip(pair, channel);
}

void draw_scatter(const ExplorerState& state, const Pair& pair, Intents& intents, float height) {
    if (!pair.measured) return;
    const Range range = component_range(pair);
    FrameSpec spec{.id = "##scatter", .size = {0, height}, .intents = &intents};
    spec.x = {.label = "predicted v, component", .range = range};
    spec.y = {.label = "measured u_d, component", .short_label = "u_d", .range = range};
    spec.table = [&] { return component_table(pair); };
    PlotFrame plot(spec);
    if (!plot) return;
    const std::array<ImVec2, 2> diagonal{plot.at(range.low, range.low), plot.at(range.high, range.high)};
    draw_line(plot.list(), diagonal, {meaning_colour(Meaning::predicted), theme().line, Dash::dashes});
    plot.labels().occupy(diagonal);
    std::optional<std::size_t> nearest;
    float best = 12.0f * theme().scale;
    for (std::size_t i = 0; i < pair.v.size(); ++i) {
        const ImVec2 at = plot.at(pair.v[i], (*pair.measured)[i]);
        draw_mark(plot.list(), at, Shape::circle, theme().marker * 0.5f,
                  faded(meaning_colour(Meaning::measured), 0.7f));
        plot.labels().occupy(std::array{at});
        if (!plot.pointer()) continue;
        const float away = std::hypot(at.x - plot.pointer()->x, at.y - plot.pointer()->y);
        if (away < best) {
            best = away;
            nearest = i;
        }
    }
    const std::array anchors{
        ImVec2{(diagonal[0].x * 0.3f + diagonal[1].x * 0.7f), (diagonal[0].y * 0.3f + diagonal[1].y * 0.7f)},
        ImVec2{(diagonal[0].x + diagonal[1].x) * 0.5f, (diagonal[0].y + diagonal[1].y) * 0.5f}};
    plot.label("u_d = v", readable(meaning_colour(Meaning::predicted)), anchors);
    if (!nearest) return;
    draw_mark(plot.list(), plot.at(pair.v[*nearest], (*pair.measured)[*nearest]), Shape::circle,
              theme().marker * 0.8f, theme().text, true);
    emit_hover(intents, pair.model, std::nullopt, std::nullopt, *nearest);
    if (plot.clicked()) emit_select(intents, state, pair.model, std::nullopt, std::nullopt, *nearest);
    channel_tooltip(pair, *nearest);
}

Table overlap_table(const OpenModel& model, const std::vector<const OpenModel*>& models) {
    Table table{"overlaps-" + model.label,
                provenance_notes(model, main_run(model, true)),
                {"model", "index", "overlap"},
                {}};
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        for (std::size_t i = 0; run && i < run->alignment.components.size(); ++i) {
            table.rows.push_back(
                {shown->label, static_cast<std::int64_t>(i + 1), run->alignment.components[i]});
        }
    }
    return table;
}

// What an alignment reaches without any kernel: only above these it means something.
void draw_baselines(PlotFrame& plot, const Alignment& alignment, std::vector<SideLabel>& side) {
    struct Baseline {
        const char* name;
        double value;
    };
    const std::array<Baseline, 3> baselines{{{"1/√d", alignment.uniform_baseline},
                                             {"permuted γ", alignment.permuted_baseline},
                                             {"random", alignment.random_baseline}}};
    for (const Baseline& baseline : baselines) {
        plot.level(baseline.value, {faded(theme().quiet, 0.9f), theme().line * 0.5f, Dash::long_dashes}, "");
        side.push_back({plot.at(1, baseline.value).y,
                        std::string(baseline.name) + " " + number_text(baseline.value), theme().quiet});
    }
}

void draw_overlap_lines(const OpenModel& model, const std::vector<const OpenModel*>& models, PlotFrame& plot,
                        std::vector<SideLabel>& side) {
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        if (!run || run->alignment.components.empty()) continue;
        const std::vector<double>& values = run->alignment.components;
        std::vector<ImVec2> points(values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            points[i] = plot.at(static_cast<double>(i + 1), values[i]);
        LineStyle style = model_line(*shown, shown == &model);
        style.width *= 0.6f;  // a jagged line: thin, so that its bottom stays readable
        draw_line(plot.list(), decimate(points), style);
        plot.labels().occupy(decimate(points));
        const bool edge = plot.clipped(values.back());
        draw_mark(plot.list(), points.back(), Shape::circle, theme().marker * 0.6f,
                  shown == &model ? meaning_colour(Meaning::measured) : readable(style.colour), edge);
        if (shown == &model && run->alignment.value) {
            side.push_back({points.back().y, "u_d " + alignment_text(*run->alignment.value),
                            readable(meaning_colour(Meaning::measured))});
        }
        const std::array anchors{points[points.size() / 2], points[points.size() / 5],
                                 points[points.size() * 4 / 5], points.front()};
        if (models.size() > 1 && points.size() > 1)
            plot.label(shown->label, readable(model_colour(shown->colour)), anchors);
    }
    draw_baselines(plot, main_run(model, true)->alignment, side);
}

void point_at_overlaps(const Run& run, const PlotFrame& plot) {
    const double x = plot.pointer() ? std::round(plot.pointer_x()) : 0.0;
    if (x < 1 || x > static_cast<double>(run.alignment.components.size()) || !ImGui::BeginTooltip()) return;
    const auto i = static_cast<std::size_t>(x) - 1;
    push_mono();
    ImGui::Text("|⟨v, u_%zu⟩| = %s", i + 1, exact_text(run.alignment.components[i]).c_str());
    ImGui::PopFont();
    if (i < run.singular_values.size()) {
        ImGui::TextColored(theme().quiet, "σ_%zu = %s", i + 1, number_text(run.singular_values[i]).c_str());
    }
    explanation_lines({"Overlap of the predicted direction with a measured one; the squares sum to 1.",
                       "none: 0 to 1", "u_i: right singular vector of the i-th singular value"});
    ImGui::EndTooltip();
}

void draw_overlaps(const ExplorerState& state, const OpenModel& model, Intents& intents, float height) {
    const std::vector<const OpenModel*> models = drawn_models(state);
    double widest = 2.0;
    std::vector<double> all{1.0};
    for (const OpenModel* shown : models) {
        const Run* run = main_run(*shown, true);
        if (!run) continue;
        widest = std::max(widest, static_cast<double>(run->alignment.components.size()));
        all.insert(all.end(), run->alignment.components.begin(), run->alignment.components.end());
    }
    Range range = log_range(all);
    range.low = std::max(range.low, 1e-18);  // the double's own rounding: nothing is to be told apart below
    std::vector<SideLabel> side;
    push_type(Type::small_print);
    const float gutter = ImGui::CalcTextSize("permuted γ 0.0000").x + 20 * theme().scale;
    ImGui::PopFont();
    FrameSpec spec{
        .id = "##overlaps", .size = {ImGui::GetContentRegionAvail().x - gutter, height}, .intents = &intents};
    spec.x = {.label = "measured direction i, largest σ first",
              .range = pad_linear({1.0, widest}, 0.02, 0.05),
              .counts = true};
    spec.y = {.label = "|⟨v, u_i⟩|, log", .range = pad_log(range, 0.4, 0.25), .log = true};
    spec.table = [&] { return overlap_table(model, models); };
    ImVec2 low{}, high{};
    {
        PlotFrame plot(spec);
        if (!plot) return;
        low = plot.low();
        high = plot.high();
        draw_overlap_lines(model, models, plot, side);
        point_at_overlaps(*main_run(model, true), plot);
    }
    // After the plot: its clip does not reach the column beside it.
    push_type(Type::small_print);
    draw_side_labels(*ImGui::GetWindowDrawList(), high.x + 2, low.y, high.y, side);
    ImGui::PopFont();
}
std::string small_print(const OpenModel& model, const Run& run) {
    double worst = 0.0;
    for (std::size_t i = 0; i < std::min(run.bottom.size(), run.prediction.v.size()); ++i) {
        worst = std::max(worst, std::abs(run.bottom[i] - run.prediction.v[i]));
    }
    return joined({"largest |u_d − v| " + number_text(worst),
                   "gap σ_{d−1} − σ_d " + number_text(run.alignment.gap),
                   std::to_string(run.alignment.dead_directions) + " dead", provenance(*model.reading, run)});
}

}  // namespace

void draw_alignment_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (!subject_is_ready(state, model, false, intents)) return;
    const Run* run = main_run(*model, true);
    const bool measured = run && !run->bottom.empty() && run->bottom.size() == run->prediction.v.size();
    const Pair pair{*model, run ? run->prediction.v : model->gamma->prediction.v,
                    measured ? &run->bottom : nullptr};
    std::string print;
    if (run) {
        draw_finding(alignment_headline(*run), alignment_explained);
        draw_numbers(*run);
        print = small_print(*model, *run);
    } else {
        // γ alone predicts: that much is on screen before any pass.
        draw_finding("The direction that γ predicts; the measured one comes with the pass.",
                     predicted_explained);
        draw_unfinished(state, *model, intents);
        print = joined({"predicted from γ of " + model->gamma->norms[model->gamma->final_norm].spec.name,
                        "no pass yet"});
    }
    if (pair.v.empty()) {
        draw_reason("γ predicts no direction here.",
                    "The final norm holds values that are not finite, or none at all.");
        return;
    }
    draw_switches(state, intents);
    const float height =
        std::max(90.0f * theme().scale, ImGui::GetContentRegionAvail().y - small_print_height(print));
    const int tab = run ? state.view.alignment.tab : 0;
    if (tab == 1) {
        draw_overlaps(state, *model, intents, height);
    } else if (tab == 2 && measured) {
        draw_scatter(state, pair, intents, height);
    } else {
        draw_components(state, pair, intents, height);
    }
    draw_small_print(print);
}

}  // namespace deadscope

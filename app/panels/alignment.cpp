// The alignment panel: predicted v against measured u_d, component by component or as a scatter. All measured
// directions are in alignment_directions.cpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "app/panels/alignment_views.h"
#include "app/panels/panels.h"
#include "app/plots/frame.h"
#include "app/plots/kept.h"
#include "app/plots/order.h"
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
    std::shared_ptr<const void> source;   // with run: whose v and u_d they are
    std::size_t run = 0;
};

// Both vectors as the plot shows them, and the range of their components.
struct Components {
    std::vector<std::uint32_t> order;  // [d] channel at each place
    std::vector<double> v, measured;   // [d] in that order; measured empty while there is none
    Range range;
};

Components make_components(const Pair& pair, bool sorted) {
    Components made{.order = sorted ? descending_order(pair.v) : plain_order(pair.v.size()),
                    .v = {},
                    .measured = {},
                    .range = linear_range(pair.v)};
    made.v = in_order(pair.v, made.order);
    if (pair.measured) {
        made.measured = in_order(*pair.measured, made.order);
        made.range = join(made.range, linear_range(*pair.measured));
    }
    made.range = pad_linear(join(made.range, {0.0, 0.0}), 0.06, 0.24);  // room for the labels above
    return made;
}

std::shared_ptr<const Components> components_of(const Pair& pair, bool sorted) {
    static Kept<std::tuple<std::size_t, bool, bool>, Components> kept(32);
    return kept.of(pair.source, {pair.run, pair.measured != nullptr, sorted},
                   [&] { return make_components(pair, sorted); });
}

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

void draw_series(PlotFrame& plot, const Series& series, Meaning meaning) {
    const Points points = plot.series(series);
    if (points->empty()) return;
    const ImVec4 colour = meaning_colour(meaning);
    const bool predicted = meaning == Meaning::predicted;
    if (std::abs(plot.at(1, 0).x - plot.at(0, 0).x) < 7.0f * theme().scale) {
        // Measured below, thick and pale; predicted dashed on top: where they agree both are seen.
        draw_line(plot.list(), *points,
                  predicted ? LineStyle{colour, theme().line * 0.75f, Dash::dashes}
                            : LineStyle{faded(colour, 0.8f), theme().line * 1.4f, Dash::solid});
    } else {
        const float zero = plot.at(0, 0).y;
        for (const ImVec2 p : *points) {
            if (!predicted) plot.list().AddLine({p.x, zero}, p, packed(faded(colour, 0.5f)), theme().line);
            draw_mark(plot.list(), p, predicted ? Shape::diamond : Shape::circle,
                      theme().marker * (predicted ? 0.4f : 0.62f), colour);
        }
    }
    plot.labels().occupy(*points);
    const std::array anchors{*std::ranges::min_element(*points, {}, &ImVec2::y),
                             (*points)[points->size() / 2], points->back(), points->front()};
    plot.label(predicted ? "predicted v" : "measured u_d", readable(colour), anchors);
}

void draw_components(const ExplorerState& state, const Pair& pair, Intents& intents, float height) {
    const bool sorted = state.view.alignment.sorted;
    const std::shared_ptr<const Components> shown = components_of(pair, sorted);
    const std::vector<std::uint32_t>& order = shown->order;
    FrameSpec spec{.id = "##components", .size = {0, height}, .intents = &intents};
    spec.x = {.label = sorted ? "rank of the channel by v" : "channel",
              .range = pad_linear({0.0, static_cast<double>(pair.v.size()) - 1.0}, 0.02, 0.02),
              .counts = true};
    spec.y = {.label = "component of a unit vector", .short_label = "component", .range = shown->range};
    spec.table = [&] { return component_table(pair); };
    PlotFrame plot(spec);
    if (!plot) return;
    const float zero = plot.at(0, 0).y;
    plot.list().AddLine({plot.low().x, zero}, {plot.high().x, zero}, packed(faded(theme().quiet, 0.6f)));
    const std::size_t what = pair.run * 4 + (sorted ? 2 : 0);  // v and u_d of each run, in each order
    if (pair.measured) draw_series(plot, {pair.source, what, shown->measured}, Meaning::measured);
    draw_series(plot, {pair.source, what + 1, shown->v}, Meaning::predicted);
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

// The channel whose point is next to the pointer, where one is near.
std::optional<std::size_t> nearest_channel(const Pair& pair, const PlotFrame& plot) {
    if (!plot.pointer()) return std::nullopt;
    std::optional<std::size_t> nearest;
    float best = 12.0f * theme().scale;
    for (std::size_t i = 0; i < pair.v.size(); ++i) {
        const ImVec2 at = plot.at(pair.v[i], (*pair.measured)[i]);
        const float away = std::hypot(at.x - plot.pointer()->x, at.y - plot.pointer()->y);
        if (away < best) {
            best = away;
            nearest = i;
        }
    }
    return nearest;
}

void draw_scatter(const ExplorerState& state, const Pair& pair, Intents& intents, float height) {
    if (!pair.measured) return;
    const Range range = components_of(pair, /*sorted=*/false)->range;
    FrameSpec spec{.id = "##scatter", .size = {0, height}, .intents = &intents};
    spec.x = {.label = "predicted v, component", .range = range};
    spec.y = {.label = "measured u_d, component", .short_label = "u_d", .range = range};
    spec.table = [&] { return component_table(pair); };
    PlotFrame plot(spec);
    if (!plot) return;
    const std::array<ImVec2, 2> diagonal{plot.at(range.low, range.low), plot.at(range.high, range.high)};
    draw_line(plot.list(), diagonal, {meaning_colour(Meaning::predicted), theme().line, Dash::dashes});
    plot.labels().occupy(diagonal);
    const float r = theme().marker * 0.5f;
    const Points cloud = plot.kept(pair.source, pair.run, [&] {
        std::vector<ImVec2> all(pair.v.size());
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = plot.at(pair.v[i], (*pair.measured)[i]);
        return thin(all, {plot.low().x - r, plot.low().y - r}, {plot.high().x + r, plot.high().y + r},
                    r * 0.5f);
    });
    const ImVec4 colour = faded(meaning_colour(Meaning::measured), 0.7f);
    for (const ImVec2 at : *cloud) {
        draw_mark(plot.list(), at, Shape::circle, r, colour);
        plot.labels().occupy(std::array{at});
    }
    const std::array anchors{
        ImVec2{(diagonal[0].x * 0.3f + diagonal[1].x * 0.7f), (diagonal[0].y * 0.3f + diagonal[1].y * 0.7f)},
        ImVec2{(diagonal[0].x + diagonal[1].x) * 0.5f, (diagonal[0].y + diagonal[1].y) * 0.5f}};
    plot.label("u_d = v", readable(meaning_colour(Meaning::predicted)), anchors);
    const std::optional<std::size_t> nearest = nearest_channel(pair, plot);
    if (!nearest) return;
    draw_mark(plot.list(), plot.at(pair.v[*nearest], (*pair.measured)[*nearest]), Shape::circle,
              theme().marker * 0.8f, theme().text, true);
    emit_hover(intents, pair.model, std::nullopt, std::nullopt, *nearest);
    if (plot.clicked()) emit_select(intents, state, pair.model, std::nullopt, std::nullopt, *nearest);
    channel_tooltip(pair, *nearest);
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
    const Pair pair{.model = *model,
                    .v = run ? run->prediction.v : model->gamma->prediction.v,
                    .measured = measured ? &run->bottom : nullptr,
                    .source = run ? std::shared_ptr<const void>(model->reading) : model->gamma,
                    .run = run ? run_index(*model->reading, *run) : 0};
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
        draw_all_directions(state, *model, intents, height);
    } else if (tab == 2 && measured) {
        draw_scatter(state, pair, intents, height);
    } else {
        draw_components(state, pair, intents, height);
    }
    draw_small_print(print);
}

}  // namespace deadscope

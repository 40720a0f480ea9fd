// The eigenvalues panel: λ_i = σ_i² of the centred output of the final norm on a log axis, λ_v where the
// prediction puts it, the rounding floor below it; or the spectrum of the selected block's stream.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "app/panels/eigenvalues_so_far.h"
#include "app/panels/panels.h"
#include "app/plots/decimate.h"
#include "app/plots/frame.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr Explanation eigenvalue_explained{
    "λ_v, the variance of the output along the predicted direction v, beside the eigenvalues λ_i of its "
    "covariance.",
    "the output's, squared", "C = (Y − 1μᵀ)ᵀ(Y − 1μᵀ)/N,  λ_i = σ_i²,  λ_v = vᵀCv"};

// One curve of the plot: a run's spectrum, or a block's.
struct Curve {
    const OpenModel* model = nullptr;
    const Run* run = nullptr;
    std::vector<double> values;  // [d] λ, descending
    LineStyle style;
    std::string name;
    bool main = false;
    bool rung = false;  // another precision of the selected model's run
};

struct Scree {
    std::vector<Curve> curves;  // the main one last
    double floor = 0.0;         // on the scale of λ, of the main run
    bool block = false;         // the selected block's stream instead of the final norm's output
    Range ranks{0.5, 2.0}, lambdas{0.1, 10.0};
};

std::vector<double> squared(std::span<const double> sigma) {
    std::vector<double> lambda(sigma.begin(), sigma.end());
    for (double& value : lambda) value *= value;
    return lambda;
}

std::string run_name(const OpenModel& model, const Run& run, bool with_precision) {
    return joined({run.init == Init::random ? model.label + " at init" : model.label,
                   with_precision ? std::string(precision_name(run.precision)) : ""});
}

bool has_ladder(const Reading& reading) {
    return std::ranges::any_of(
        reading.runs, [&](const Run& run) { return run.precision != reading.runs.front().precision; });
}

// The dash tells the precision apart: longer for more bits.
Dash ladder_dash(Precision precision) {
    switch (precision) {
        case Precision::f64:
            return Dash::long_dashes;
        case Precision::f32:
            return Dash::dashes;
        case Precision::bf16:
        case Precision::f16:
            break;
    }
    return Dash::dash_dot;
}

void add_runs(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected) {
    const ViewState::Eigenvalues& view = state.view.eigenvalues;
    const Run* main = main_run(model, true);
    if (!main) return;
    const bool ladder = has_ladder(*model.reading) && view.show_ladder;
    for (const Run& run : model.reading->runs) {
        if (&run == main || !run.complete || run.singular_values.empty()) continue;
        const bool twin = run.init != main->init, other = run.precision != main->precision;
        // One twin, the selected model's in the same precision: more would bury the answer.
        if (twin ? !view.show_init || !selected || other : !(ladder && selected)) continue;
        LineStyle style = twin ? twin_line(model) : model_line(model, false);
        if (other) style = {faded(style.colour, 0.8f), style.width, ladder_dash(run.precision)};
        scree.curves.push_back(
            {&model, &run, squared(run.singular_values), style, run_name(model, run, other), false, other});
    }
    scree.curves.push_back({&model, main, squared(main->singular_values), model_line(model, selected),
                            run_name(model, *main, ladder && selected), selected, false});
    if (selected) scree.floor = main->floor.total();
}

void add_block(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected,
               std::size_t block, Intents& intents) {
    const Run* main = main_run(model, false);
    if (!main || block >= main->blocks.size()) return;
    const BlockSpectrumKey key{model.id, run_index(*model.reading, *main), block, true};
    const auto found = state.block_spectra.find(key);
    if (found == state.block_spectra.end()) {
        intents.emit(SpectrumIntent{key});
        return;
    }
    if (!found->second || found->second->empty()) return;
    scree.curves.push_back(
        {&model, main, squared(*found->second), model_line(model, selected), model.label, selected, false});
    if (selected) scree.floor = main->blocks[block].floor * main->blocks[block].floor;
}

void set_ranges(Scree& scree, bool log_rank) {
    double widest = 2.0;
    Range lambdas{std::numeric_limits<double>::infinity(), 0.0};
    for (const Curve& curve : scree.curves) {
        widest = std::max(widest, static_cast<double>(curve.values.size()));
        lambdas = join(lambdas, log_range(curve.values));
        if (!scree.block && curve.run->lambda_v > 0) lambdas.low = std::min(lambdas.low, curve.run->lambda_v);
    }
    if (scree.floor > 0 && scree.floor < lambdas.high) lambdas.low = std::min(lambdas.low, scree.floor);
    // A value far below the floor says no more than that: 16 decades under it the axis ends.
    if (scree.floor > 0) lambdas.low = std::max(lambdas.low, scree.floor * 1e-16);
    lambdas.low = std::max(lambdas.low, lambdas.high * 1e-40);
    const double decades = std::log10(lambdas.high / lambdas.low);
    scree.lambdas = pad_log(lambdas, std::max(0.3, decades * 0.14), std::max(0.3, decades * 0.1));
    scree.ranks = log_rank ? Range{0.8, widest * 1.35} : pad_linear({1.0, widest}, 0.02, 0.06);
}

Table scree_table(const OpenModel& model, const Scree& scree) {
    Table table{"eigenvalues-" + model.label,
                provenance_notes(model, main_run(model, true)),
                {"model", "init", "precision", "index", "lambda"},
                {}};
    for (const Curve& curve : scree.curves) {
        for (std::size_t i = 0; i < curve.values.size(); ++i) {
            table.rows.push_back({curve.model->label, std::string(init_name(curve.run->init)),
                                  std::string(precision_name(curve.run->precision)),
                                  static_cast<std::int64_t>(i + 1), curve.values[i]});
        }
    }
    return table;
}

void draw_floor(PlotFrame& plot, const Scree& scree, const Run& run) {
    if (!(scree.floor > plot.y_view().low)) return;
    const float top = plot.at(1.0, scree.floor).y;
    draw_hatched(plot.list(), {plot.low().x, top}, plot.high(), meaning_colour(Meaning::floor));
    plot.list().AddLine({plot.low().x, top}, {plot.high().x, top}, packed(faded(theme().quiet, 0.7f)));
    const float width = plot.high().x - plot.low().x, down = ImGui::GetFontSize();
    const std::array anchors{ImVec2{plot.low().x + width * 0.02f, top + down},
                             ImVec2{plot.low().x + width * 0.3f, top + down}};
    plot.label("floor of " + std::string(precision_name(run.precision)) + " " + number_text(scree.floor),
               theme().quiet, anchors);
}

void draw_curve(PlotFrame& plot, const Curve& curve) {
    std::vector<ImVec2> points(curve.values.size());
    for (std::size_t i = 0; i < points.size(); ++i)
        points[i] = plot.at(static_cast<double>(i + 1), curve.values[i]);
    const std::vector<ImVec2> shown = decimate(points);
    draw_line(plot.list(), shown, curve.style);
    plot.labels().occupy(shown);
    if (!curve.main) return;
    // Circles where they do not touch; always on the last ranks, where the answer is.
    const float r = theme().marker * 0.45f;
    float last = -1e9f;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const bool edge = plot.clipped(curve.values[i]);
        if (!edge && points[i].x - last < 3.2f * r && i + 3 < points.size()) continue;
        const ImVec2 at{points[i].x, points[i].y - (edge ? r * 1.4f : 0.0f)};
        draw_mark(plot.list(), at, Shape::circle, r, readable(curve.style.colour), edge);
        last = points[i].x;
    }
}

// The ladder's curves lie on each other but for their end: there each rung has its λ_v and its name.
void draw_rung(PlotFrame& plot, const Curve& curve) {
    const ImVec2 at = plot.at(static_cast<double>(curve.values.size()), curve.run->lambda_v);
    draw_mark(plot.list(), at, Shape::diamond, theme().marker * 0.7f, meaning_colour(Meaning::predicted),
              true);
    const std::string words =
        std::string(precision_name(curve.run->precision)) + " λ_v " + number_text(curve.run->lambda_v);
    plot.label(words, readable(meaning_colour(Meaning::predicted)), std::array{at});
}

void label_curve(PlotFrame& plot, const Curve& curve) {
    if (curve.rung) {
        draw_rung(plot, curve);
        return;
    }
    std::vector<ImVec2> anchors;
    for (const double share : {0.45, 0.25, 0.65, 0.1, 0.85}) {
        const auto i = static_cast<std::size_t>(share * static_cast<double>(curve.values.size() - 1));
        anchors.push_back(plot.at(static_cast<double>(i + 1), curve.values[i]));
    }
    plot.label(curve.name, readable({curve.style.colour.x, curve.style.colour.y, curve.style.colour.z, 1.0f}),
               anchors);
}

void draw_dead(PlotFrame& plot, const Curve& curve) {
    const std::size_t dead = std::min(curve.run->alignment.dead_directions, curve.values.size());
    if (dead == 0) return;
    const float r = theme().marker * 0.55f;
    ImVec2 left{};
    for (std::size_t i = curve.values.size() - dead; i < curve.values.size(); ++i) {
        const bool edge = plot.clipped(curve.values[i]);
        ImVec2 at = plot.at(static_cast<double>(i + 1), curve.values[i]);
        if (edge) at.y -= r * 1.4f;
        draw_mark(plot.list(), at, Shape::down_triangle, r, meaning_colour(Meaning::dead), edge);
        if (i == curve.values.size() - dead) left = at;
    }
    plot.labels().occupy({left.x - r, left.y - r}, {left.x + r, left.y + r});
    const auto zeros = static_cast<std::size_t>(std::ranges::count(curve.values, 0.0));
    const std::string words =
        std::to_string(dead) + " dead" + (zeros ? ", " + std::to_string(zeros) + " exactly 0" : "");
    plot.label(words, readable(meaning_colour(Meaning::dead)), std::array{left});
}

void draw_prediction(PlotFrame& plot, const Curve& curve) {
    const double lambda = curve.run->lambda_v;
    const ImVec4 amber = meaning_colour(Meaning::predicted);
    const ImVec2 at = plot.at(static_cast<double>(curve.values.size()), lambda);
    const std::array<ImVec2, 2> level{ImVec2{plot.low().x, at.y}, ImVec2{plot.high().x, at.y}};
    draw_line(plot.list(), level, {amber, theme().line, Dash::dashes});
    // An outline around what was measured there: where both agree, both are seen.
    draw_mark(plot.list(), {at.x, at.y - (plot.clipped(lambda) ? theme().marker * 1.6f : 0.0f)},
              Shape::diamond, theme().marker * 1.1f, amber, true);
    plot.labels().occupy(level);
    plot.labels().occupy({at.x - 6, at.y - 6}, {at.x + 6, at.y + 6});
    const float width = plot.high().x - plot.low().x;
    const std::array anchors{
        ImVec2{plot.low().x + width * 0.5f, at.y}, ImVec2{plot.low().x + width * 0.25f, at.y},
        ImVec2{plot.low().x + width * 0.05f, at.y}, ImVec2{plot.low().x + width * 0.8f, at.y}};
    const bool at_floor = lambda <= curve.run->floor.total();
    plot.label("λ_v along predicted v, " + (at_floor ? std::string("≤ floor") : number_text(lambda)),
               readable(amber), anchors);
}

void point_at(const Scree& scree, const PlotFrame& plot) {
    if (!plot.pointer()) return;
    const Curve* nearest = nullptr;
    std::size_t index = 0;
    float best = 40.0f * theme().scale;
    const auto rank = static_cast<std::ptrdiff_t>(std::lround(plot.pointer_x()));
    for (const Curve& curve : scree.curves) {
        if (rank < 1 || rank > static_cast<std::ptrdiff_t>(curve.values.size())) continue;
        const auto i = static_cast<std::size_t>(rank - 1);
        const float away =
            std::abs(plot.at(static_cast<double>(rank), curve.values[i]).y - plot.pointer()->y);
        if (away >= best) continue;
        best = away;
        nearest = &curve;
        index = i;
    }
    if (!nearest || !ImGui::BeginTooltip()) return;
    const double value = nearest->values[index];
    draw_mark(plot.list(), plot.at(static_cast<double>(index + 1), value), Shape::circle,
              theme().marker * 0.8f, theme().text, true);
    ImGui::TextUnformatted(nearest->name.c_str());
    push_mono();
    ImGui::Text("λ_%zu = %s", index + 1, exact_text(value).c_str());
    ImGui::Text("σ_%zu = %s", index + 1, exact_text(std::sqrt(value)).c_str());
    ImGui::PopFont();
    ImGui::TextColored(theme().quiet, "%s of λ_max", number_text(value / nearest->values.front()).c_str());
    if (scree.floor > 0 && value <= scree.floor)
        ImGui::TextColored(theme().quiet, "At or below the rounding floor.");
    explanation_lines(
        {"", "the output's, squared", "λ_i = σ_i²: eigenvalue i of the centred covariance over tokens"});
    ImGui::EndTooltip();
}

void draw_plot(const ExplorerState& state, const OpenModel& model, const Scree& scree, Intents& intents,
               float height) {
    const bool log_rank = state.view.eigenvalues.log_rank;
    FrameSpec spec{.id = log_rank ? "##scree, log" : "##scree", .size = {0, height}, .intents = &intents};
    spec.x = {
        .label = log_rank ? "rank i, log" : "rank i", .range = scree.ranks, .log = log_rank, .counts = true};
    spec.y = {.label = scree.block ? "eigenvalue λ_i of the stream, log" : "eigenvalue λ_i, log",
              .short_label = "λ_i, log",
              .range = scree.lambdas,
              .log = true};
    spec.table = [&] { return scree_table(model, scree); };
    PlotFrame plot(spec);
    if (!plot) return;
    const Curve& main = scree.curves.back();
    if (main.main) draw_floor(plot, scree, *main.run);
    for (const Curve& curve : scree.curves) draw_curve(plot, curve);
    if (main.main && !scree.block) {
        draw_prediction(plot, main);
        draw_dead(plot, main);
    }
    for (auto curve = scree.curves.rbegin(); curve != scree.curves.rend(); ++curve) label_curve(plot, *curve);
    point_at(scree, plot);
}

// Activations of a file have no blocks whose spectrum could be shown.
bool shows_block(const ExplorerState& state, const OpenModel& model) {
    return state.view.eigenvalues.source == 1 && !model.activations;
}

void draw_source(const ExplorerState& state, Intents& intents) {
    int chosen = 0;
    const std::size_t block = state.selection.block.value_or(0);
    const std::string block_name = "Block " + std::to_string(block);
    if (draw_choice("source", {"Final norm", block_name.c_str()}, state.view.eigenvalues.source, chosen)) {
        intents.view([chosen](ViewState& v) { v.eigenvalues.source = chosen; });
    }
    next_in_row("log rank");
}

void draw_switches(const ExplorerState& state, const OpenModel& model, Intents& intents) {
    const ViewState::Eigenvalues& view = state.view.eigenvalues;
    const bool final_norm = !shows_block(state, model);
    if (!model.activations) draw_source(state, intents);
    if (draw_switch("log rank", view.log_rank, {"Logarithmic axis of ranks", "", ""})) {
        intents.view([](ViewState& v) { v.eigenvalues.log_rank = !v.eigenvalues.log_rank; });
    }
    const Run* main = main_run(model, true);
    if (final_norm && main && twin_of(model, *main, true)) {
        next_in_row("init");
        if (draw_switch("init", view.show_init,
                        {"The random-initialisation twin: same configuration, same tokens", "", ""})) {
            intents.view([](ViewState& v) { v.eigenvalues.show_init = !v.eigenvalues.show_init; });
        }
    }
    if (final_norm && model.reading && has_ladder(*model.reading)) {
        next_in_row("ladder");
        if (draw_switch("ladder", view.show_ladder,
                        {"The same pass in other precisions: an algebraic zero falls with u², a small "
                         "eigenvalue stays",
                         "", ""})) {
            intents.view([](ViewState& v) { v.eigenvalues.show_ladder = !v.eigenvalues.show_ladder; });
        }
    }
}

std::string small_print(const OpenModel& model, const Run& run) {
    const double relative = run.lambda_max > 0 ? run.lambda_v / run.lambda_max : 0.0;
    return joined({"λ_v/λ_max " + number_text(relative), "floor " + number_text(run.floor.total()),
                   "mean λ " + number_text(run.lambda_mean), provenance(*model.reading, run)});
}

}  // namespace

void draw_eigenvalues_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (!subject_is_ready(state, model, true, intents)) return;
    const bool block_view = shows_block(state, *model);
    const Run* run = main_run(*model, !block_view);
    if (!run) {
        draw_eigenvalues_so_far(state, *model, intents);
        return;
    }
    Scree scree;
    scree.block = block_view;
    const std::size_t block = state.selection.block.value_or(0);
    for (const OpenModel* shown : drawn_models(state)) {
        if (block_view) {
            add_block(scree, state, *shown, shown == model, block, intents);
        } else {
            add_runs(scree, state, *shown, shown == model);
        }
    }
    if (block_view) {
        draw_finding("The stream behind block " + std::to_string(block) +
                     ", centred; click a block in Residual stream for another.");
    } else {
        draw_finding(eigenvalue_headline(*run), eigenvalue_explained);
    }
    draw_switches(state, *model, intents);
    if (scree.curves.empty()) {
        draw_reason(
            "The spectrum of this block is not there.",
            "It comes when the block is through; it is kept while the factors fit the memory set for them.");
        return;
    }
    set_ranges(scree, state.view.eigenvalues.log_rank);
    const std::string print = small_print(*model, *run);
    draw_plot(state, *model, scree, intents,
              std::max(90.0f * theme().scale, ImGui::GetContentRegionAvail().y - small_print_height(print)));
    draw_small_print(print);
}

}  // namespace deadscope

// The eigenvalues panel: λ_i = σ_i² of the centred output of the final norm on a log axis, λ_v where the
// prediction puts it, the rounding floor below it; or the spectrum of the selected block's stream.
#include <algorithm>
#include <array>
#include <cmath>

#include "app/panels/eigenvalues_so_far.h"
#include "app/panels/panels.h"
#include "app/panels/scree.h"
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

Table scree_table(const OpenModel& model, const Scree& scree) {
    Table table{"eigenvalues-" + model.label,
                provenance_notes(model, main_run(model, true)),
                {"model", "init", "precision", "index", "lambda"},
                {}};
    for (const Curve& curve : scree.curves) {
        for (std::size_t i = 0; i < curve.values().size(); ++i) {
            table.rows.push_back({curve.model->label, std::string(init_name(curve.run->init)),
                                  std::string(precision_name(curve.run->precision)),
                                  static_cast<std::int64_t>(i + 1), curve.values()[i]});
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

// Circles where they do not touch; always on the last ranks, where the answer is.
void draw_circles(PlotFrame& plot, const Curve& curve, std::span<const ImVec2> shown) {
    const float r = theme().marker * 0.45f, bottom = plot.at(1.0, plot.y_view().low).y;
    const ImVec4 ink = readable(curve.style.colour);
    const auto circle = [&](ImVec2 at, bool edge) {
        draw_mark(plot.list(), {at.x, at.y - (edge ? r * 1.4f : 0.0f)}, Shape::circle, r, ink, edge);
    };
    float last = -1e9f;
    for (const ImVec2 at : shown) {
        const bool edge = at.y >= bottom;
        if (!edge && at.x - last < 3.2f * r) continue;
        circle(at, edge);
        last = at.x;
    }
    const std::vector<double>& values = curve.values();
    for (std::size_t i = values.size() - std::min<std::size_t>(3, values.size()); i < values.size(); ++i)
        circle(plot.at(static_cast<double>(i + 1), values[i]), plot.clipped(values[i]));
}

void draw_curve(PlotFrame& plot, const Curve& curve) {
    const Points shown = plot.series({curve.source, curve.place, curve.values(), 1.0});
    draw_line(plot.list(), *shown, curve.style);
    plot.labels().occupy(*shown);
    if (curve.main) draw_circles(plot, curve, *shown);
}

// The ladder's curves lie on each other but for their end: there each rung has its λ_v and its name.
void draw_rung(PlotFrame& plot, const Curve& curve) {
    const ImVec2 at = plot.at(curve.last_rank(), curve.run->lambda_v);
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
        const auto i = static_cast<std::size_t>(share * (curve.last_rank() - 1.0));
        anchors.push_back(plot.at(static_cast<double>(i + 1), curve.values()[i]));
    }
    plot.label(curve.name, readable({curve.style.colour.x, curve.style.colour.y, curve.style.colour.z, 1.0f}),
               anchors, /*spare=*/!curve.main);
}

void draw_dead(PlotFrame& plot, const Curve& curve) {
    const std::vector<double>& values = curve.values();
    const std::size_t dead = std::min(curve.run->alignment.dead_directions, values.size());
    if (dead == 0) return;
    const float r = theme().marker * 0.55f;
    ImVec2 left{};
    for (std::size_t i = values.size() - dead; i < values.size(); ++i) {
        const bool edge = plot.clipped(values[i]);
        ImVec2 at = plot.at(static_cast<double>(i + 1), values[i]);
        if (edge) at.y -= r * 1.4f;
        draw_mark(plot.list(), at, Shape::down_triangle, r, meaning_colour(Meaning::dead), edge);
        if (i == values.size() - dead) left = at;
    }
    plot.labels().occupy({left.x - r, left.y - r}, {left.x + r, left.y + r});
    const std::size_t zeros = curve.spectrum->zeros;
    const std::string words =
        std::to_string(dead) + " dead" + (zeros ? ", " + std::to_string(zeros) + " exactly 0" : "");
    plot.label(words, readable(meaning_colour(Meaning::dead)), std::array{left});
}

void draw_prediction(PlotFrame& plot, const Curve& curve) {
    const double lambda = curve.run->lambda_v;
    const ImVec4 amber = meaning_colour(Meaning::predicted);
    const ImVec2 at = plot.at(curve.last_rank(), lambda);
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
        if (rank < 1 || rank > static_cast<std::ptrdiff_t>(curve.values().size())) continue;
        const auto i = static_cast<std::size_t>(rank - 1);
        const float away =
            std::abs(plot.at(static_cast<double>(rank), curve.values()[i]).y - plot.pointer()->y);
        if (away >= best) continue;
        best = away;
        nearest = &curve;
        index = i;
    }
    if (!nearest || !ImGui::BeginTooltip()) return;
    const double value = nearest->values()[index];
    draw_mark(plot.list(), plot.at(static_cast<double>(index + 1), value), Shape::circle,
              theme().marker * 0.8f, theme().text, true);
    ImGui::TextUnformatted(nearest->name.c_str());
    push_mono();
    ImGui::Text("λ_%zu = %s", index + 1, exact_text(value).c_str());
    ImGui::Text("σ_%zu = %s", index + 1, exact_text(std::sqrt(value)).c_str());
    ImGui::PopFont();
    ImGui::TextColored(theme().quiet, "%s of λ_max", number_text(value / nearest->values().front()).c_str());
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

// The residual stream panel: where a direction dies on its way through the blocks (math.md §4). The plots are
// in residual_plots.cpp, the selected block's story in residual_detail.cpp.
#include <implot.h>

#include <algorithm>

#include "app/panels/panels.h"
#include "app/panels/residual_views.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr Explanation residual_explained{
    "σ_min of the residual stream X_l behind each block; a block is flagged where it falls below 1/τ of the "
    "one before.",
    "the stream's own", "ratio = σ_min(X_l) / σ_min(X_{l−1}),  flagged where ratio < 1/τ"};

void draw_switches(const ExplorerState& state, const OpenModel& model, const Run& run, Intents& intents) {
    const ViewState::Residual& view = state.view.residual;
    if (draw_switch("uncentred", view.uncentred, {"Singular values of X_l/√N as it is", "", ""})) {
        intents.view([](ViewState& v) {
            v.residual.uncentred = !v.residual.uncentred;
            if (!v.residual.uncentred) v.residual.centred = true;  // one of the two stays
        });
    }
    next_in_row("centred");
    if (draw_switch("centred", view.centred, {"The same after the mean over tokens is taken off", "", ""})) {
        intents.view([](ViewState& v) {
            v.residual.centred = !v.residual.centred;
            if (!v.residual.centred) v.residual.uncentred = true;
        });
    }
    if (twin_of(model, run, false)) {
        next_in_row("init");
        if (draw_switch("init", view.show_init,
                        {"The random-initialisation twin: same configuration, same tokens", "", ""})) {
            intents.view([](ViewState& v) { v.residual.show_init = !v.residual.show_init; });
        }
    }
}

std::string headline_of(const OpenModel& model, const Run& run) {
    if (run.complete) return residual_headline(run);
    const auto flagged = std::ranges::count_if(run.blocks, &BlockReading::flag);
    const std::size_t through = run.blocks.empty() ? 0 : run.blocks.back().index;
    const std::string so_far =
        flagged ? std::to_string(flagged) + " lost a direction." : "no direction has died.";
    if (model.run_cancelled)
        return "The pass was cancelled behind block " + std::to_string(through) + "; up to there " + so_far;
    return "Block " + std::to_string(through) + " of " + std::to_string(model.gamma->model.layers) +
           " is through; so far " + so_far;
}

}  // namespace

std::optional<std::size_t> ResidualView::block() const {
    const bool mine = state.selection.model == model.id || state.selection.model == 0;
    if (mine && state.selection.block && *state.selection.block < run.blocks.size())
        return state.selection.block;
    const auto flagged = std::ranges::find_if(run.blocks, &BlockReading::flag);
    if (flagged != run.blocks.end()) return static_cast<std::size_t>(flagged - run.blocks.begin());
    std::optional<std::size_t> weakest;
    for (std::size_t i = 0; i < run.blocks.size(); ++i) {
        if (run.blocks[i].ratio && (!weakest || *run.blocks[i].ratio < *run.blocks[*weakest].ratio))
            weakest = i;
    }
    return weakest;
}

void draw_residual_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (!subject_is_ready(state, model, true, intents)) return;
    if (model->activations)
        return draw_reason(
            "There are no blocks in activations alone.",
            "What was brought is the output of one norm; σ_min by block needs the stream behind every "
            "block, which a model's own pass reads.");
    const Run* run = main_run(*model, false);
    if (!run || run->blocks.empty()) {
        draw_reason("The pass over " + model->label + " has not left its first block.");
        draw_unfinished(state, *model, intents);
        return;
    }
    draw_finding(headline_of(*model, *run), residual_explained);
    if (!run->complete) draw_unfinished(state, *model, intents);
    draw_switches(state, *model, *run, intents);
    ResidualView view{state, *model, *run, intents};
    for (const OpenModel* shown : drawn_models(state)) {
        view.layers = std::max(
            view.layers, static_cast<std::size_t>(std::max<std::int64_t>(shown->gamma->model.layers, 1)));
    }
    const float s = theme().scale;
    const std::string print =
        joined({"τ = " + number_text(state.settings.residual.tau), provenance(*model->reading, *run)});
    const ImVec2 room{ImGui::GetContentRegionAvail().x,
                      ImGui::GetContentRegionAvail().y - small_print_height(print)};
    // In a small panel the plots keep all the room; the tooltip tells the block's story there.
    const bool beside = room.x > 560 * s, below = !beside && room.y > 360 * s,
               has_detail = view.block().has_value();
    const float detail_width = beside && has_detail ? std::min(320 * s, room.x * 0.38f) : 0.0f;
    const float detail_height = below && has_detail ? std::clamp(room.y * 0.34f, 120 * s, 170 * s) : 0.0f;
    const float plots = std::max(150 * s, room.y - detail_height);
    const float ratio_height = std::clamp(plots * 0.38f, 88 * s, 170 * s);
    const ImVec2 corner = ImGui::GetCursorPos();
    ImGui::BeginChild("plots", ImVec2(room.x - detail_width, plots), 0, ImGuiWindowFlags_NoScrollbar);
    const bool aligned =
        ImPlot::BeginAlignedPlots("residual");  // one left edge, whatever the tick labels' widths
    draw_sigma_plot(view, plots - ratio_height);
    draw_ratio_plot(view, ratio_height);
    if (aligned) ImPlot::EndAlignedPlots();
    ImGui::EndChild();
    if (detail_width > 0) {
        ImGui::SetCursorPos({corner.x + room.x - detail_width + 8 * s, corner.y});
        draw_block_detail(view, detail_width - 8 * s, plots);
        ImGui::SetCursorPos({corner.x, corner.y + plots});
    } else if (detail_height > 0) {
        draw_block_detail(view, room.x, detail_height);
    }
    draw_small_print(print);
}

}  // namespace deadscope

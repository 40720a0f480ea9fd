// The γ panel: what training did to γ, from the parameters alone. The views are in gamma_heatmap.cpp and
// gamma_lines.cpp.
#include <algorithm>
#include <array>

#include "app/panels/gamma_views.h"
#include "app/panels/panels.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/reading/analyze.h"
#include "core/reading/words.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr Explanation gamma_explained{
    "γ, the scale that a norm multiplies each channel by, after the family's storage convention.", "none",
    "y = γ ⊙ z + β;  predicted direction v = γ⁻¹ / ‖γ⁻¹‖"};

void draw_switches(const GammaView& view) {
    const ViewState::Gamma& now = view.state.view.gamma;
    int chosen = 0;
    if (draw_choice("view", {"Heatmap", "Lines", "Histogram"}, now.tab, chosen)) {
        view.intents.view([chosen](ViewState& v) { v.gamma.tab = chosen; });
    }
    if (now.tab != 2) {
        next_in_row("sorted");
        if (draw_switch("sorted", now.sorted,
                        {"Each norm's channels in order of γ, largest first", "", ""})) {
            view.intents.view([](ViewState& v) { v.gamma.sorted = !v.gamma.sorted; });
        }
        next_in_row("log");
        if (draw_switch("log", now.log_scale, {"Logarithmic scale of |γ|", "", ""})) {
            view.intents.view([](ViewState& v) { v.gamma.log_scale = !v.gamma.log_scale; });
        }
    }
}

std::string small_print(const GammaReading& gamma) {
    const NormReading& last = gamma.norms[gamma.final_norm];
    std::size_t zeros = 0, negatives = 0;
    for (const NormReading& norm : gamma.norms) {
        zeros += norm.gamma.zeros;
        negatives += norm.gamma.negatives;
    }
    const NormKind kind = last.spec.kind;
    return joined({counted(gamma.norms.size(), "norm"),
                   kind == NormKind::unknown ? "" : std::string(norm_kind_name(kind)),
                   "stored as " + gamma.model.dtype, zeros ? std::to_string(zeros) + " zeros" : "no zeros",
                   negatives ? std::to_string(negatives) + " negative" : "none negative",
                   "final γ " + number_text(last.gamma.min) + " … " + number_text(last.gamma.max)});
}

}  // namespace

std::size_t GammaView::focus() const {
    const auto chosen = state.selection.model == model.id ? state.selection.norm : std::nullopt;
    return chosen && *chosen < gamma().norms.size() ? *chosen : gamma().final_norm;
}

std::string short_name(const NormSpec& norm) {
    const std::string role(norm_role_name(norm.role));
    return norm.block ? std::to_string(*norm.block) + " " + role : role;
}

Table gamma_table(const OpenModel& model) {
    Table table{"gamma-" + model.label, provenance_notes(model, nullptr), {"norm", "channel", "gamma"}, {}};
    for (const NormReading& norm : model.gamma->norms) {
        for (std::size_t i = 0; i < norm.parameters.gamma.size(); ++i) {
            table.rows.push_back({norm.spec.name, static_cast<std::int64_t>(i), norm.parameters.gamma[i]});
        }
    }
    return table;
}

void draw_gamma_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (!subject_is_ready(state, model, false, intents)) return;
    if (model->gamma->norms.empty()) {
        draw_reason("No norm was found in " + model->label + ".",
                    "Norms are found by tensor names that end in a norm's weight.");
        return;
    }
    draw_finding(gamma_headline(*model->gamma), gamma_explained);
    GammaView view{state, *model, intents};
    draw_switches(view);
    const std::string print = small_print(*model->gamma);
    view.height =
        std::max(90.0f * theme().scale, ImGui::GetContentRegionAvail().y - small_print_height(print));
    constexpr std::array draw{draw_gamma_heatmap, draw_gamma_lines, draw_gamma_histogram};
    draw.at(static_cast<std::size_t>(std::clamp(state.view.gamma.tab, 0, 2)))(view);
    draw_small_print(print);
}

}  // namespace deadscope

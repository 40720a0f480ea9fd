// The Verdict panel: is the theorem true on the selected model, number by number. What the numbers mean is
// said by core/reading; here they become cards.
#include <imgui.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "app/durations.h"
#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

// By a word of the finding's title; the first that occurs in it. The formulas are math.md's.
struct TitledExplanation {
    std::string_view title;
    Explanation explanation;
};
constexpr std::array<TitledExplanation, 8> explanations{{
    {"Norm",
     {"What the final norm is: as its configuration declares it, and as its activations show it.", "",
      "LayerNorm: y = γ ⊙ (x − mean x)/√(var x + ε) + β"}},
    {"subspace",
     {"How much of v lies in the span of all directions that are dead; right also where several are.",
      "none, 0 to 1", "‖P_dead v‖"}},
    {"Alignment",
     {"How far the direction predicted from γ is the one measured as the least. It illustrates; the verdict "
      "rests on λ_v.",
      "none, 0 to 1", "|⟨v, u_d⟩|"}},
    {"λ_v",
     {"The variance of the norm's output along the predicted direction, against the greatest variance and "
      "the floor of rounding.",
      "variance", "λ_v = vᵀ C v"}},
    {"Dead",
     {"How many directions of the norm's output count as dead.", "directions", "σ ≤ max(10⁻⁶ σ_max, floor)"}},
    {"Blocks",
     {"Over how many blocks the residual stream keeps every direction.", "blocks",
      "σ_min(X_l+1) / σ_min(X_l) ≥ 1/τ"}},
    {"Precision",
     {"The same reading in each arithmetic asked for. An eigenvalue that falls with u² is exactly zero but "
      "for rounding; one that stays is small and real.",
      "variance", "λ_v ∝ u², u = 2⁻²⁴ in f32, 2⁻⁵³ in f64"}},
    {"Init",
     {"The same reading at random initialisation, beside the trained one. Both are shown with their floor.",
      "ratio", "λ_v / (tr C / d)"}},
}};

Explanation explanation_of(const Finding& finding) {
    for (const TitledExplanation& one : explanations) {
        if (finding.title.find(one.title) != std::string::npos) return one.explanation;
    }
    return {.what = finding.reason.c_str()};
}

// The largest type in which the value stands beside its title: look.md's 30 px where there is room.
Type value_size(const std::string& value, float width) {
    for (const Type type : {Type::verdict, Type::finding}) {
        push_type(type);
        const bool fits = ImGui::CalcTextSize(value.c_str()).x <= width;
        ImGui::PopFont();
        if (fits) return type;
    }
    return Type::body;
}

// Lamp and title on the left, value against the right edge; below the title where it is too long.
void draw_value(const Finding& finding) {
    const ImGuiStyle& style = ImGui::GetStyle();
    const float line = ImGui::GetTextLineHeight(), whole = ImGui::GetContentRegionAvail().x;
    const float title_width =
        line + style.ItemInnerSpacing.x + ImGui::CalcTextSize(finding.title.c_str()).x + style.ItemSpacing.x;
    const ImVec2 start = ImGui::GetCursorPos();
    const Type type = value_size(finding.value, whole - title_width);
    push_type(type);
    const ImVec2 size = ImGui::CalcTextSize(finding.value.c_str());
    const bool beside = size.x <= whole - title_width;
    if (beside) {
        ImGui::SetCursorPosX(start.x + whole - size.x);
        ImGui::TextUnformatted(finding.value.c_str());
        ImGui::SetCursorPos({start.x, start.y + (size.y - line) * 0.5f});
    }
    ImGui::PopFont();
    lamp(finding.lamp);
    ImGui::SameLine(0.f, style.ItemInnerSpacing.x);
    ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
    ImGui::TextUnformatted(finding.title.c_str());
    ImGui::PopStyleColor();
    if (beside) {
        ImGui::SetCursorPos({start.x, start.y + size.y - style.ItemSpacing.y * 0.5f});
        ImGui::Dummy({0.f, 0.f});
    } else {
        push_type(type);
        body_text(finding.value);
        ImGui::PopFont();
    }
}

void draw_card(const Finding& finding) {
    ImGui::PushID(finding.title.c_str());
    ImGui::PushStyleColor(ImGuiCol_ChildBg, theme().ground);
    constexpr auto child = ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding;
    if (ImGui::BeginChild("card", {0.f, 0.f}, child)) {
        ImGui::BeginGroup();
        draw_value(finding);
        ImGui::EndGroup();
        explain(explanation_of(finding));
        draw_small_print(finding.reason);
    }
    ImGui::EndChild();
    ImGui::PopStyleColor();
    ImGui::PopID();
}

void draw_model_choice(const ExplorerState& state, const OpenModel& model, Intents& intents) {
    model_swatch(model);
    ImGui::SameLine(0.f, ImGui::GetStyle().ItemInnerSpacing.x);
    ImGui::SetNextItemWidth(-1.f);
    if (!ImGui::BeginCombo("##model", model.label.c_str())) return;
    for (const OpenModel& one : state.models) {
        if (ImGui::Selectable((one.label + "##" + std::to_string(one.id)).c_str(), one.id == model.id)) {
            intents.emit(SelectIntent{{.model = one.id, .norm = {}, .block = {}, .channel = {}}});
        }
    }
    ImGui::EndCombo();
}

// What γ alone says: the prediction, before anything was measured.
void draw_prediction(const GammaReading& gamma) {
    if (gamma.final_norm >= gamma.norms.size()) return;
    const NormSpec& norm = gamma.norms[gamma.final_norm].spec;
    const std::size_t dimension = gamma.prediction.dimension;
    Finding finding{.lamp = Finding::Lamp::neutral, .title = "Predicted from γ", .value = {}, .reason = {}};
    finding.value = dimension == 0 ? "no kernel" : counted(dimension, "dead direction");
    finding.reason = dimension == 0
                         ? norm.name + " is " + std::string(norm_kind_name(norm.kind)) +
                               ": it subtracts no mean, so nothing forces a direction to be dead."
                         : norm.name + " is " + std::string(norm_kind_name(norm.kind)) +
                               ": its output cannot move along γ⁻¹. A pass measures whether that is so.";
    draw_card(finding);
}

void draw_working(const ExplorerState& state, const OpenModel& model) {
    if (const JobStatus* job = state.job_of(model.id)) {
        progress_bar(job->fraction, -1.f, std::to_string(static_cast<int>(job->fraction * 100.0)) + " %");
        explain("Share of the pass that is done.");
        draw_small_print(model.stage == OpenModel::Stage::queued
                             ? "A pass over this model waits for the one before it."
                             : "The pass is at work; the blocks appear as they are read.");
    }
    draw_prediction(*model.gamma);
}

void draw_provenance(const Reading& reading) {
    if (reading.runs.empty()) return;
    std::string words = std::to_string(reading.input.tokens) + " " + reading.input.kind;
    const bool brought = reading.input.kind == "activations";  // no pass of ours: neither weights nor seed
    for (const Run& run : reading.runs) {
        if (brought) {
            words += " · " + std::string(precision_name(run.precision));
            continue;
        }
        words += " · " + std::string(precision_name(run.precision)) + " " + std::string(init_name(run.init));
    }
    double seconds = 0.0;
    for (const Run& run : reading.runs) seconds += run.forward_s + run.spectra_s;
    if (!brought) words += " · seed " + std::to_string(reading.seed);
    words += " · " + reading.device + " · " + duration_text(seconds);
    draw_small_print(words);
}

}  // namespace

void draw_verdict_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (model == nullptr) {
        empty_state(state.models.empty() ? "Open a model to read whether its final norm has a dead direction."
                                         : "Every model is hidden. Show one in Models, or open another.",
                    intents);
        return;
    }
    draw_model_choice(state, *model, intents);
    if (!model->error.empty()) error_text(model->error);
    const bool whole = model->reading && std::ranges::any_of(model->reading->runs, &Run::complete);
    if (whole) {
        draw_finding(headline(*model->reading));
        for (const Finding& finding : findings(*model->reading)) draw_card(finding);
        for (const std::string& warning : model->reading->warnings) draw_small_print(warning);
        draw_provenance(*model->reading);
    } else if (model->gamma) {
        if (model->run_cancelled)
            draw_small_print("The pass was cancelled. Run it again for a verdict (Ctrl+R).");
        draw_working(state, *model);
    } else if (model->error.empty()) {
        draw_small_print("Opening…");
    }
}

}  // namespace deadscope

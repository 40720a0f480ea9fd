// The Verdict panel: is the theorem true on the selected model, number by number. What the numbers mean is
// said by core/reading; here they become cards.
#include <imgui.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

// By the finding's title, or the beginning of it. The formulas are math.md's.
struct TitledExplanation { std::string_view title; Explanation explanation; };
constexpr std::array<TitledExplanation, 10> explanations{{
    {"Norm", {"What the final norm is: as its configuration declares it, and as its activations show it.", "", "LayerNorm: y = γ ⊙ (x − mean x)/√(var x + ε) + β"}},
    {"Kernel", {"Whether the norm's output has the direction of no variance that γ predicts.", "variance", "C v = 0, v = γ⁻¹/‖γ⁻¹‖"}},
    {"Alignment", {"How far the direction predicted from γ is the one measured as the least. It illustrates; the verdict rests on λ_v.", "none, 0 to 1", "|⟨v, u_d⟩|"}},
    {"Subspace", {"How much of v lies in the span of all directions that are dead; right also where several are.", "none, 0 to 1", "‖P_dead v‖"}},
    {"λ_v", {"The variance of the norm's output along the predicted direction, against the greatest variance and the floor of rounding.", "variance", "λ_v = vᵀ C v"}},
    {"Noise", {"The variance along v that rounding alone leaves: of the output, and of the mean that is subtracted.", "variance", "(u²/3) Σ vᵢ² E[yᵢ²] + E[(d δm/std)²]/‖γ⁻¹‖²"}},
    {"Dead", {"How many directions of the norm's output count as dead.", "directions", "σ ≤ max(10⁻⁶ σ_max, floor)"}},
    {"Blocks", {"Over how many blocks the residual stream keeps every direction.", "blocks", "σ_min(X_l+1) / σ_min(X_l) ≥ 1/τ"}},
    {"Init", {"The same reading at random initialisation, beside the trained one. Both are shown with their floor.", "ratio", "λ_v / (tr C / d)"}},
    {"Training", {"The same reading at random initialisation, beside the trained one. Both are shown with their floor.", "ratio", "λ_v / (tr C / d)"}},
}};

Explanation explanation_of(const Finding& finding) {
    for (const TitledExplanation& one : explanations) {
        if (finding.title.find(one.title) != std::string::npos) return one.explanation;
    }
    return {.what = finding.reason.c_str()};
}

// A size at which the value fits its card on one line: look.md's 30 px where there is room.
Type value_size(const std::string& value, float width) {
    for (const Type type : {Type::verdict, Type::finding}) {
        push_type(type);
        const bool fits = ImGui::CalcTextSize(value.c_str()).x <= width;
        ImGui::PopFont();
        if (fits) return type;
    }
    return Type::body;
}

void draw_card(const Finding& finding) {
    ImGui::PushID(finding.title.c_str());
    ImGui::PushStyleColor(ImGuiCol_ChildBg, theme().ground);
    constexpr auto child = ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding;
    if (ImGui::BeginChild("card", {0.f, 0.f}, child)) {
        ImGui::BeginGroup();
        lamp(finding.lamp);
        ImGui::SameLine(0.f, ImGui::GetStyle().ItemInnerSpacing.x);
        ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
        ImGui::TextUnformatted(finding.title.c_str());
        ImGui::PopStyleColor();
        push_type(value_size(finding.value, ImGui::GetContentRegionAvail().x));
        body_text(finding.value);
        ImGui::PopFont();
        ImGui::EndGroup();
        explain(explanation_of(finding));
        small_print(finding.reason);
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
    finding.reason = dimension == 0 ? norm.name + " is " + std::string(norm_kind_name(norm.kind)) + ": it subtracts no mean, so nothing forces a direction to be dead."
                                    : norm.name + " is " + std::string(norm_kind_name(norm.kind)) + ": its output cannot move along γ⁻¹. A pass measures whether that is so.";
    draw_card(finding);
}

void draw_working(const ExplorerState& state, const OpenModel& model) {
    if (const JobStatus* job = state.job_of(model.id)) {
        ImGui::ProgressBar(static_cast<float>(job->fraction), {-1.f, 0.f});
        explain("Share of the pass that is done.");
        small_print(model.stage == OpenModel::Stage::queued ? "A pass over this model waits for the one before it."
                                                            : "The pass is at work; the blocks appear as they are read.");
    }
    draw_prediction(*model.gamma);
}

void draw_small_print(const Reading& reading) {
    if (reading.runs.empty()) return;
    std::string words = std::to_string(reading.input.tokens) + " " + reading.input.kind;
    for (const Run& run : reading.runs) {
        words += " · " + std::string(precision_name(run.precision)) + " " + std::string(init_name(run.init));
    }
    double seconds = 0.0;
    for (const Run& run : reading.runs) seconds += run.forward_s + run.spectra_s;
    words += " · seed " + std::to_string(reading.seed) + " · " + reading.device + " · " + duration_text(seconds);
    small_print(words);
}

}  // namespace

void draw_verdict_panel(const ExplorerState& state, Intents& intents) {
    const OpenModel* model = state.selected();
    if (model == nullptr) {
        empty_state(state.models.empty() ? "Open a model to read whether its final norm has a dead direction."
                                         : "Every model is hidden. Show one in Models, or open another.", intents);
        return;
    }
    draw_model_choice(state, *model, intents);
    if (!model->error.empty()) error_text(model->error);
    const bool whole = model->reading && std::ranges::any_of(model->reading->runs, &Run::complete);
    if (whole) {
        sentence(headline(*model->reading));
        for (const Finding& finding : findings(*model->reading)) draw_card(finding);
        for (const std::string& warning : model->reading->warnings) small_print(warning);
        draw_small_print(*model->reading);
    } else if (model->gamma) {
        if (model->run_cancelled) small_print("The pass was cancelled. Run it again for a verdict (Ctrl+R).");
        draw_working(state, *model);
    } else if (model->error.empty()) {
        small_print("Opening…");
    }
}

}  // namespace deadscope

// The Models panel: what is open, its state, and what can be done with it.
#include <imgui.h>
#include <imgui_internal.h>  // RenderTextEllipsis

#include <string>
#include <vector>

#include "app/durations.h"
#include "app/panels/hub_cache_rows.h"
#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

std::string facts_words(const OpenModel& open) {
    const GammaReading& gamma = *open.gamma;
    const ModelFacts& model = gamma.model;
    std::string words;
    const auto add = [&](const std::string& part) { words.append(words.empty() ? "" : " · ").append(part); };
    if (gamma.final_norm < gamma.norms.size() && gamma.norms[gamma.final_norm].spec.kind != NormKind::unknown)
        add(std::string(norm_kind_name(gamma.norms[gamma.final_norm].spec.kind)));
    if (open.activations)
        add(open.reading ? counted(open.reading->input.tokens, "row") + " of activations" : "activations");
    else if (!model.family.empty())
        add(model.family);
    if (!model.tower.empty()) add(model.tower + " tower");
    if (model.layers > 0) add(counted(static_cast<std::uint64_t>(model.layers), "block"));
    add("d\u00A0=\u00A0" + std::to_string(model.d_model));  // kept on one line
    add(model.dtype);
    std::string bytes = bytes_text(model.bytes);  // number and unit stay on one line
    if (const std::size_t blank = bytes.find(' '); blank != std::string::npos)
        bytes.replace(blank, 1, "\u00A0");
    add(bytes);
    return words;
}

std::string stage_words(const OpenModel& model) {
    switch (model.stage) {
        case OpenModel::Stage::opening:
            return "opening";
        case OpenModel::Stage::queued:
            return "waiting";
        case OpenModel::Stage::running:
            return "running";
        case OpenModel::Stage::failed:
            return model.activations ? "was not read" : "did not open";
        case OpenModel::Stage::done:
            return "read";
        case OpenModel::Stage::ready:
            break;
    }
    if (model.remote) return "γ only, on the hub";
    if (!model.error.empty()) return model.reading ? "stopped" : "γ only";
    return model.run_cancelled ? "cancelled" : "γ read";
}

void facts_tooltip(const OpenModel& model) {
    if (!model.gamma || !ImGui::BeginItemTooltip()) return;
    const ModelFacts& facts = model.gamma->model;
    ImGui::PushTextWrapPos(ImGui::GetFontSize() * 30.f);
    ImGui::TextUnformatted(facts.source.c_str());
    const auto line = [](const char* name, const std::string& value, const char* what) {
        ImGui::Text("%s: %s", name, value.c_str());
        ImGui::SameLine();
        ImGui::TextDisabled("%s", what);
    };
    if (model.activations) {
        line("γ", model.activations->gamma, "as it was given");
        line("width d", std::to_string(facts.d_model), "channels of the rows");
        ImGui::PopTextWrapPos();
        return ImGui::EndTooltip();
    }
    line("architecture", facts.architecture.empty() ? "unknown" : facts.architecture,
         "model_type of config.json");
    if (!facts.tower.empty()) line("tower", facts.tower, "of several models in this checkpoint");
    line("parameters", count_text(facts.parameters), "elements of floating tensors");
    line("norms", std::to_string(model.gamma->norms.size()),
         facts.norm_position == "post" ? "after each part" : "before each part");
    line("width d", std::to_string(facts.d_model), "channels of the residual stream");
    if (facts.context > 0) line("context", std::to_string(facts.context), "tokens of the longest sequence");
    line("γ on screen", duration_text(model.open_s), "after opening");
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

// "block 3 of 12" while the forward pass is in the blocks, the phase's own name otherwise.
std::string progress_words(const JobStatus& job) {
    if (job.state == JobState::queued) return "waiting";
    if (job.blocks > 0 && job.block < job.blocks) {
        return "block " + std::to_string(job.block + 1) + " of " + std::to_string(job.blocks);
    }
    return job.phase.empty() ? "starting" : job.phase;
}

void draw_state(const ExplorerState& state, const OpenModel& model, Intents& intents) {
    const JobStatus* job = state.job_of(model.id);
    if (job == nullptr) {
        draw_small_print(stage_words(model));
        return;
    }
    push_type(Type::small_print);
    const float cancel = ImGui::CalcTextSize("Cancel").x + 2.f * ImGui::GetStyle().FramePadding.x;
    const float width = ImGui::GetContentRegionAvail().x - cancel - ImGui::GetStyle().ItemSpacing.x;
    progress_bar(job->fraction, width, progress_words(*job));
    explain("Share of the pass that is done, over every precision and initialisation asked for.");
    ImGui::SameLine();
    if (ImGui::Button("Cancel")) intents.emit(CancelIntent{job->id});
    ImGui::PopFont();
}

void try_again(const OpenModel& model, Intents& intents) {
    if (model.activations)
        intents.emit(RunIntent{model.id});
    else
        intents.emit(OpenIntent{model.model});
}

// The dialog that it was read from, as it was filled in. What is read from it takes the place of a reading
// that failed.
void change_reading(const OpenModel& model, Intents& intents) {
    intents.view([form = ReadForm{.file = model.model, .settings = *model.activations}](ViewState& view) {
        view.read_form = form;
        view.show_read_dialog = true;
    });
    if (!model.gamma) intents.emit(CloseIntent{model.id});
}

std::vector<std::string> other_towers(const OpenModel& model) {
    if (!model.gamma || model.remote) return {};
    std::vector<std::string> others = model.gamma->model.towers;
    std::erase(others, model.gamma->model.tower);
    return others;
}

// The other models of the same checkpoint.
void draw_towers(const OpenModel& model, Intents& intents) {
    const std::vector<std::string> others = other_towers(model);
    if (others.empty()) return;
    push_type(Type::small_print);
    for (const std::string& tower : others) {
        const std::string words = "Open the " + tower + " tower";
        if (tower != others.front()) next_in_row(words.c_str());
        if (ImGui::SmallButton(words.c_str())) intents.emit(OpenIntent{tower_model(model, tower)});
        explain("As another model, beside this one: " + tower_model(model, tower));
    }
    ImGui::PopFont();
}

void draw_error(const OpenModel& model, Intents& intents) {
    error_text(model.error);
    push_type(Type::small_print);
    if (!model.gamma) {
        if (ImGui::Button("Try again")) try_again(model, intents);
        ImGui::SameLine();
        if (model.activations) {
            if (ImGui::Button("Change…")) change_reading(model, intents);
            ImGui::SameLine();
        }
        if (ImGui::Button("Close")) intents.emit(CloseIntent{model.id});
    } else {
        if (model.remote && ImGui::Button("Download")) intents.emit(HubFetchIntent{model.model});
        if (model.remote) ImGui::SameLine();
        if (ImGui::Button("Dismiss")) intents.emit(DismissErrorIntent{model.id});
    }
    ImGui::PopFont();
}

void draw_context_menu(const OpenModel& model, Intents& intents) {
    if (!ImGui::BeginPopupContextItem("menu")) return;
    if (ImGui::MenuItem("Run", nullptr, false, model.gamma || model.activations))
        intents.emit(RunIntent{model.id});
    if (model.activations && ImGui::MenuItem("Read otherwise…")) change_reading(model, intents);
    for (const std::string& tower : other_towers(model))
        if (ImGui::MenuItem(("Open the " + tower + " tower").c_str()))
            intents.emit(OpenIntent{tower_model(model, tower)});
    if (ImGui::MenuItem("Shown", nullptr, model.shown)) intents.emit(ShowIntent{model.id, !model.shown});
    if (ImGui::MenuItem("Move up")) intents.emit(MoveIntent{model.id, -1});
    if (ImGui::MenuItem("Move down")) intents.emit(MoveIntent{model.id, 1});
    ImGui::Separator();
    if (ImGui::MenuItem("Close")) intents.emit(CloseIntent{model.id});
    ImGui::EndPopup();
}

// Swatch, label that selects, show and close buttons.
void draw_head(const OpenModel& model, bool selected, Intents& intents) {
    const ImGuiStyle& style = ImGui::GetStyle();
    const float button = ImGui::GetFrameHeight();
    model_swatch(model);
    explain("The model's colour in every plot.");
    ImGui::SameLine(0.f, style.ItemInnerSpacing.x);
    const float width = ImGui::GetContentRegionAvail().x - 2.f * (button + style.ItemInnerSpacing.x);
    ImGui::PushFont(selected ? theme().bold : theme().body, 0.f);
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {0.f, 0.f});  // a selectable grows by it
    if (ImGui::Selectable(("##" + std::to_string(model.id)).c_str(), selected, ImGuiSelectableFlags_None,
                          {width, button})) {
        intents.emit(SelectIntent{{.model = model.id, .norm = {}, .block = {}, .channel = {}}});
    }
    ImGui::PopStyleVar();
    const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
    const float inset = 4.f * theme().scale;
    ImGui::RenderTextEllipsis(ImGui::GetWindowDrawList(), {low.x + inset, low.y + style.FramePadding.y},
                              {high.x - inset, high.y}, high.x - inset, model.label.data(),
                              model.label.data() + model.label.size(), nullptr);
    ImGui::PopFont();
    if (ImGui::IsItemHovered())
        intents.emit(HoverIntent{{.model = model.id, .norm = {}, .block = {}, .channel = {}}});
    draw_context_menu(model, intents);
    facts_tooltip(model);
    ImGui::SameLine(0.f, style.ItemInnerSpacing.x);
    bool shown = model.shown;
    if (ImGui::Checkbox("##shown", &shown)) intents.emit(ShowIntent{model.id, shown});
    explain("Shown in the plots.");
    ImGui::SameLine(0.f, style.ItemInnerSpacing.x);
    if (ImGui::Button("✕##close", {button, button})) intents.emit(CloseIntent{model.id});
    explain("Close this model; a pass over it is cancelled.");
}

}  // namespace

void draw_models_panel(const ExplorerState& state, Intents& intents) {
    if (state.models.empty()) {
        empty_state(
            "No model is open. Drop a checkpoint's folder or a weights file here (safetensors, .bin, .pt, "
            ".gguf), "
            "or activations (.npy, .npz), or open one by name.",
            intents);
        draw_hub_cache(state, intents);
        return;
    }
    const OpenModel* selected = state.selected();
    // A model that has come is brought into view.
    int& known = *ImGui::GetStateStorage()->GetIntRef(ImGui::GetID("models known"), 0);
    const bool come = static_cast<int>(state.models.size()) > known && known > 0;
    known = static_cast<int>(state.models.size());
    for (const OpenModel& model : state.models) {
        ImGui::PushID(static_cast<int>(model.id));
        draw_head(model, selected == &model, intents);
        ImGui::Indent();
        if (model.gamma) draw_small_print(facts_words(model));
        draw_towers(model, intents);
        draw_state(state, model, intents);
        if (!model.error.empty()) draw_error(model, intents);
        ImGui::Unindent();
        ImGui::Spacing();
        ImGui::PopID();
    }
    if (come) ImGui::SetScrollHereY(1.f);
    if (ImGui::Button("Open…")) intents.view([](ViewState& view) { view.show_open_dialog = true; });
    explain("Open another model beside these (Ctrl+O).");
    draw_hub_cache(state, intents);
}

}  // namespace deadscope

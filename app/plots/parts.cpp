// Shared parts of the panels; see parts.h.
#include "app/plots/parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

std::string input_words(const Reading& reading, const Run& run) {
    std::string kind = reading.input.kind;
    if (kind.empty()) kind = "tokens";
    return std::to_string(run.tokens) + " " + kind;
}

std::string seconds_text(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), seconds < 10 ? "%.2f s" : "%.0f s", seconds);
    return text.data();
}

// Text in the middle of what is left of the panel, wrapped at a readable width.
void draw_centred(std::string_view text, float top, const ImVec4& colour) {
    const float width = std::min(ImGui::GetContentRegionAvail().x, 420.0f * theme().scale);
    const ImVec2 size = ImGui::CalcTextSize(text.data(), text.data() + text.size(), false, width);
    const float left = (ImGui::GetContentRegionAvail().x - size.x) * 0.5f;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(0.0f, left));
    if (top > 0) ImGui::SetCursorPosY(ImGui::GetCursorPosY() + top);
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + size.x + 1.0f);
    ImGui::PushStyleColor(ImGuiCol_Text, colour);
    ImGui::TextUnformatted(text.data(), text.data() + text.size());
    ImGui::PopStyleColor();
    ImGui::PopTextWrapPos();
}

bool draw_centred_button(const char* name, const char* tooltip) {
    const float width = ImGui::CalcTextSize(name).x + 2 * ImGui::GetStyle().FramePadding.x;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() +
                         std::max(0.0f, (ImGui::GetContentRegionAvail().x - width) * 0.5f));
    const bool pressed = ImGui::Button(name);
    ImGui::SetItemTooltip("%s", tooltip);
    return pressed;
}

float third_of_rest() {
    return ImGui::GetContentRegionAvail().y * 0.3f;
}

void draw_empty(Intents& intents) {
    draw_centred("No model is shown.", third_of_rest(), theme().text);
    draw_centred(
        "Open a checkpoint's folder or file (safetensors, PyTorch, GGUF), or drop one on the window.", 0,
        theme().quiet);
    if (draw_centred_button("Open…",
                            "Ctrl+O: a folder with config.json and weights, one weights file, a hub id or a "
                            "built-in model")) {
        intents.view([](ViewState& view) { view.show_open_dialog = true; });
    }
}

void draw_failed(const OpenModel& model, Intents& intents) {
    draw_centred(
        model.gamma ? "The pass over " + model.label + " failed" : model.label + " could not be read",
        third_of_rest(), meaning_colour(Meaning::dead));
    draw_centred(model.error, 0, theme().text);
    if (model.gamma) {
        if (draw_centred_button("Run again", "Ctrl+R: repeat the pass")) intents.emit(RunIntent{model.id});
    } else if (draw_centred_button("Dismiss", "Take this model off the list")) {
        intents.emit(DismissErrorIntent{model.id});
    }
}

}  // namespace

void explanation_lines(const Explanation& text) {
    if (*text.what) ImGui::TextUnformatted(text.what);
    if (*text.unit) ImGui::TextColored(theme().quiet, "unit: %s", text.unit);
    if (*text.formula) ImGui::TextColored(theme().quiet, "%s", text.formula);
}

void explain(const Explanation& text) {
    if (!*text.what || !ImGui::IsItemHovered(ImGuiHoveredFlags_ForTooltip)) return;
    if (!ImGui::BeginTooltip()) return;
    ImGui::PushTextWrapPos(ImGui::GetFontSize() * 28.0f);
    explanation_lines(text);
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

void draw_finding(std::string_view sentence, const Explanation& text) {
    push_type(Type::finding);
    ImGui::PushTextWrapPos(0.0f);
    ImGui::TextUnformatted(sentence.data(), sentence.data() + sentence.size());
    ImGui::PopTextWrapPos();
    ImGui::PopFont();
    explain(text);
}

void draw_small_print(std::string_view text) {
    push_type(Type::small_print);
    ImGui::PushTextWrapPos(0.0f);
    ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
    ImGui::TextUnformatted(text.data(), text.data() + text.size());
    ImGui::PopStyleColor();
    ImGui::PopTextWrapPos();
    ImGui::PopFont();
}

float small_print_height(std::string_view text) {
    push_type(Type::small_print);
    const float width = ImGui::GetContentRegionAvail().x;
    const float height = ImGui::CalcTextSize(text.data(), text.data() + text.size(), false, width).y;
    ImGui::PopFont();
    return height + ImGui::GetStyle().ItemSpacing.y;
}

std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const std::string& part : parts) {
        if (!part.empty()) text += (text.empty() ? "" : " · ") + part;
    }
    return text;
}

std::string provenance(const Reading& reading, const Run& run) {
    const double seconds = run.forward_s + run.spectra_s;
    const bool brought = reading.input.kind == "activations";  // no pass of ours
    return joined({std::string(precision_name(run.precision)), input_words(reading, run),
                   brought ? "" : "seed " + std::to_string(reading.seed), reading.device,
                   seconds > 0 ? seconds_text(seconds) : ""});
}

std::vector<std::string> provenance_notes(const OpenModel& model, const Run* run) {
    std::vector<std::string> notes{"deadscope, model: " + model.model};
    if (model.gamma) {
        notes.push_back("source: " + model.gamma->model.source + ", dtype: " + model.gamma->model.dtype);
    }
    if (run && model.reading) {
        notes.push_back("init: " + std::string(init_name(run->init)) + ", " +
                        provenance(*model.reading, *run));
        if (!model.reading->input.digest.empty())
            notes.push_back("input digest: " + model.reading->input.digest);
    }
    return notes;
}

bool draw_choice(const char* id, std::initializer_list<const char*> names, int current, int& chosen) {
    bool clicked = false;
    int index = 0;
    ImGui::PushID(id);
    push_type(Type::small_print);
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing,
                        ImVec2(2 * theme().scale, ImGui::GetStyle().ItemSpacing.y));
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(7 * theme().scale, 2 * theme().scale));
    for (const char* name : names) {
        if (index) ImGui::SameLine();
        const bool on = index == current;
        ImGui::PushStyleColor(ImGuiCol_Button,
                              on ? ImGui::GetStyleColorVec4(ImGuiCol_ButtonActive) : ImVec4(0, 0, 0, 0));
        ImGui::PushStyleColor(ImGuiCol_Text, on ? theme().text : theme().quiet);
        if (ImGui::Button(name)) {
            chosen = index;
            clicked = true;
        }
        ImGui::PopStyleColor(2);
        ++index;
    }
    ImGui::PopStyleVar(2);
    ImGui::PopFont();
    ImGui::PopID();
    return clicked;
}

bool draw_switch(const char* name, bool on, const Explanation& text) {
    push_type(Type::small_print);
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(3 * theme().scale, 2 * theme().scale));
    bool value = on;
    const bool clicked = ImGui::Checkbox(name, &value);
    ImGui::PopStyleVar();
    ImGui::PopFont();
    explain(text);
    return clicked;
}

void next_in_row(const char* coming_switch) {
    push_type(Type::small_print);
    const float width = ImGui::CalcTextSize(coming_switch).x + ImGui::GetFrameHeight() + 8 * theme().scale;
    ImGui::PopFont();
    next_in_row(width);
}

void next_in_row(float width) {
    const float right = ImGui::GetItemRectMax().x + ImGui::GetStyle().ItemSpacing.x;
    const float edge = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    if (right + width < edge) ImGui::SameLine();
}

bool subject_is_ready(const ExplorerState& state, const OpenModel* model, bool needs_run, Intents& intents) {
    if (!model) {
        draw_empty(intents);
        return false;
    }
    using Stage = OpenModel::Stage;
    const bool has_runs = model->reading && !model->reading->runs.empty();
    if (needs_run ? has_runs : static_cast<bool>(model->gamma)) return true;
    if (model->stage == Stage::failed || !model->error.empty()) {
        draw_failed(*model, intents);
    } else if (!model->gamma) {
        draw_centred("Reading the header and γ of " + model->label + "…", third_of_rest(), theme().quiet);
    } else if (!model->gamma->model.forward_supported) {
        draw_centred("No pass can be run on " + model->label, third_of_rest(), theme().text);
        draw_centred(model->gamma->model.forward_error, 0, theme().quiet);
    } else if (model->stage == Stage::queued || model->stage == Stage::running) {
        draw_centred(model->stage == Stage::queued ? model->label + " waits for its pass."
                                                   : "The pass over " + model->label + " has begun.",
                     third_of_rest(), theme().text);
        draw_progress_line(state, *model);
    } else {
        draw_centred("No pass has been run on " + model->label + " yet.", third_of_rest(), theme().text);
        if (draw_centred_button("Run", "Ctrl+R: one forward pass with the settings on top")) {
            intents.emit(RunIntent{model->id});
        }
    }
    return false;
}

void draw_progress_line(const ExplorerState& state, const OpenModel& model) {
    const JobStatus* job = state.job_of(model.id);
    if (!job || job->state != JobState::running) return;
    std::string words = job->phase;
    if (job->blocks) {
        words += (words.empty() ? "block " : ", block ") +
                 std::to_string(std::min(job->block + 1, job->blocks)) + " of " + std::to_string(job->blocks);
    }
    if (job->remaining_s) words += " · " + seconds_text(*job->remaining_s) + " left";
    draw_small_print(words);
    ImGui::ProgressBar(static_cast<float>(job->fraction), ImVec2(-1, 3 * theme().scale), "");
}

void draw_unfinished(const ExplorerState& state, const OpenModel& model, Intents& intents) {
    if (!model.error.empty()) {
        ImGui::PushTextWrapPos(0.0f);
        ImGui::TextColored(readable(meaning_colour(Meaning::dead)), "The pass failed: %s",
                           model.error.c_str());
        ImGui::PopTextWrapPos();
    }
    if ((!model.error.empty() || model.run_cancelled) && !state.job_of(model.id)) {
        if (ImGui::Button("Run again")) intents.emit(RunIntent{model.id});
        ImGui::SetItemTooltip("Ctrl+R: repeat the pass");
    } else {
        draw_progress_line(state, model);
    }
}

void draw_reason(std::string_view words, std::string_view hint) {
    draw_centred(words, third_of_rest(), theme().text);
    if (!hint.empty()) draw_centred(hint, 0, theme().quiet);
}

const Run* main_run(const OpenModel& model, bool complete) {
    if (!model.reading) return nullptr;
    const Run* found = nullptr;
    for (const Run& run : model.reading->runs) {
        if (complete && !run.complete) continue;
        if (run.init == Init::trained) return &run;
        if (!found) found = &run;
    }
    return found;
}

const Run* twin_of(const OpenModel& model, const Run& run, bool complete) {
    if (!model.reading || run.init == Init::random) return nullptr;
    const Run* found = nullptr;
    for (const Run& other : model.reading->runs) {
        if (other.init != Init::random || (complete && !other.complete)) continue;
        if (other.precision == run.precision) return &other;
        if (!found) found = &other;
    }
    return found;
}

std::size_t run_index(const Reading& reading, const Run& run) {
    return static_cast<std::size_t>(&run - reading.runs.data());
}

std::vector<const OpenModel*> drawn_models(const ExplorerState& state) {
    std::vector<const OpenModel*> models;
    const OpenModel* selected = state.selected();
    for (const OpenModel& model : state.models) {
        if (model.shown && model.reading && &model != selected) models.push_back(&model);
    }
    if (selected && selected->reading) models.push_back(selected);
    return models;
}

LineStyle model_line(const OpenModel& model, bool selected) {
    // Sky, green and amber mean something in these plots: the meaning keeps its colour, the model gets a
    // dash.
    static constexpr std::array<Dash, 6> dashes{Dash::solid, Dash::solid,    Dash::dashes,
                                                Dash::solid, Dash::dash_dot, Dash::long_dashes};
    ImVec4 colour = model_colour(model.colour);
    const float light = 0.2126f * colour.x + 0.7152f * colour.y + 0.0722f * colour.z;
    if (theme().kind != ThemeKind::dark && light > 0.7f) {  // yellow on white: a line must stand out too
        colour = {colour.x * 0.8f, colour.y * 0.76f, colour.z * 0.3f, 1.0f};
    }
    const Dash dash = model_dashed(model.colour) ? Dash::dashes : dashes[model.colour % dashes.size()];
    return {faded(colour, selected ? 1.0f : 0.75f), theme().line * (selected ? 1.0f : 0.75f), dash};
}

LineStyle twin_line(const OpenModel& model) {
    return {faded(readable(model_colour(model.colour)), 0.45f), theme().line, Dash::dots};
}

ImVec4 readable(const ImVec4& colour) {
    const bool dark = theme().kind == ThemeKind::dark;
    const float light = 0.2126f * colour.x + 0.7152f * colour.y + 0.0722f * colour.z;
    const float wanted = dark ? 0.50f : 0.38f;
    if (dark ? light >= wanted : light <= wanted) return colour;
    // Towards the text's colour by as much as it takes.
    const ImVec4 goal = theme().text;
    const float goal_light = 0.2126f * goal.x + 0.7152f * goal.y + 0.0722f * goal.z;
    const float t = std::clamp((wanted - light) / (goal_light - light), 0.0f, 1.0f);
    return {colour.x + (goal.x - colour.x) * t, colour.y + (goal.y - colour.y) * t,
            colour.z + (goal.z - colour.z) * t, colour.w};
}

void emit_hover(Intents& intents, const OpenModel& model, std::optional<std::size_t> norm,
                std::optional<std::size_t> block, std::optional<std::size_t> channel) {
    intents.emit(HoverIntent{{model.id, norm, block, channel}});
}

void emit_select(Intents& intents, const ExplorerState& state, const OpenModel& model,
                 std::optional<std::size_t> norm, std::optional<std::size_t> block,
                 std::optional<std::size_t> channel) {
    Selection selection;
    if (state.selection.model == model.id) selection = state.selection;
    selection.model = model.id;
    if (norm) selection.norm = norm;
    if (block) selection.block = block;
    if (channel) selection.channel = channel;
    intents.emit(SelectIntent{selection});
}

std::string exact_text(double value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.17g", value);
    return text.data();
}

}  // namespace deadscope

// The explorer's menus, toolbar and shortcuts, and the dialogs they show.
#include <hello_imgui/hello_imgui.h>
#include <imgui.h>

#include <algorithm>
#include <array>
#include <string>

#include "app/dialogs/about.h"
#include "app/dialogs/help.h"
#include "app/dialogs/hub_dialog.h"
#include "app/dialogs/open_dialog.h"
#include "app/dialogs/read_dialog.h"
#include "app/dialogs/run_settings.h"
#include "app/durations.h"
#include "app/explorer.h"
#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"

namespace deadscope {
namespace {

constexpr float smallest_text = 0.7f, largest_text = 2.5f, text_step = 1.1f;

void scale_text(Intents& intents, float factor) {
    intents.view([factor](ViewState& view) {
        view.text_scale =
            factor == 0.f ? 1.f : std::clamp(view.text_scale * factor, smallest_text, largest_text);
    });
}

struct ThemeName {
    ThemeKind kind;
    const char* name;
};
constexpr std::array<ThemeName, 3> theme_names{
    {{ThemeKind::dark, "Dark"}, {ThemeKind::light, "Light"}, {ThemeKind::projector, "Projector"}}};

std::size_t active_jobs(const ExplorerState& state) {
    return static_cast<std::size_t>(std::ranges::count_if(state.jobs, [](const JobStatus& job) {
        return job.state == JobState::queued || job.state == JobState::running;
    }));
}

// "258 random tokens · f64, f32 · trained and random"
std::string settings_words(const ReadingSettings& settings) {
    std::string words{input_kind_name(settings.input.kind)};
    if (settings.input.kind == InputKind::random) {
        words = settings.input.tokens ? std::to_string(*settings.input.tokens) + " random tokens"
                                      : "2d random tokens";
    }
    const char* separator = " · ";
    for (const Precision precision : settings.precisions) {
        words.append(separator).append(precision_name(precision));
        separator = ", ";
    }
    separator = " · ";
    for (const Init init : settings.inits) {
        words.append(separator).append(init_name(init));
        separator = " and ";
    }
    return words;
}

}  // namespace

void Explorer::draw_chrome() {
    const ExplorerState& state = controller_.state();
    handle_shortcuts();
    if (state.view.show_settings) draw_run_settings(state, intents_);
    if (state.view.show_open_dialog) open_dialog_->draw(intents_);
    if (state.view.show_hub_dialog) hub_dialog_->draw(state, intents_);
    if (state.view.show_read_dialog) read_dialog_->draw(state, intents_);
    if (state.view.show_help) draw_help(state, intents_);
    if (state.view.show_about) draw_about(intents_);
}

void Explorer::handle_shortcuts() {
    const auto pressed = [](ImGuiKeyChord chord) {
        return ImGui::Shortcut(chord, ImGuiInputFlags_RouteGlobal);
    };
    if (pressed(ImGuiMod_Ctrl | ImGuiKey_O) || pressed(ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_O)) {
        intents_.view([](ViewState& view) { view.show_open_dialog = true; });
    }
    if (pressed(ImGuiMod_Ctrl | ImGuiKey_R)) intents_.emit(RunIntent{});
    if (pressed(ImGuiMod_Ctrl | ImGuiKey_Q)) intents_.emit(QuitIntent{});
    if (pressed(ImGuiKey_Escape)) {
        // The nearest thing first: an open dialog, then the work.
        intents_.view([](ViewState& view) {
            view.show_settings = view.show_about = view.show_help = view.show_open_dialog =
                view.show_hub_dialog = view.show_read_dialog = false;
        });
        const ViewState& view = controller_.state().view;
        if (!view.show_settings && !view.show_about && !view.show_help && !view.show_open_dialog &&
            !view.show_hub_dialog && !view.show_read_dialog) {
            intents_.emit(CancelIntent{});
        }
    }
    if (pressed(ImGuiKey_F1)) {
        intents_.view([](ViewState& view) {
            view.show_help = !view.show_help;
            view.help_on_activations = false;
        });
    }
    if (pressed(ImGuiKey_F11)) toggle_full_screen();
    for (const ImGuiKey key : {ImGuiKey_Equal, ImGuiKey_KeypadAdd}) {
        if (pressed(ImGuiMod_Ctrl | key) || pressed(ImGuiMod_Ctrl | ImGuiMod_Shift | key))
            scale_text(intents_, text_step);
    }
    for (const ImGuiKey key : {ImGuiKey_Minus, ImGuiKey_KeypadSubtract}) {
        if (pressed(ImGuiMod_Ctrl | key)) scale_text(intents_, 1.f / text_step);
    }
    if (pressed(ImGuiMod_Ctrl | ImGuiKey_0)) scale_text(intents_, 0.f);
}

void Explorer::draw_menus() {
    const ViewState& view = controller_.state().view;
    if (ImGui::BeginMenu("File")) {
        if (ImGui::MenuItem("Open…", "Ctrl+O"))
            intents_.view([](ViewState& v) { v.show_open_dialog = true; });
        if (ImGui::MenuItem("Open from the hub…"))
            intents_.view([](ViewState& v) { v.show_hub_dialog = true; });
        if (ImGui::MenuItem("Read activations…"))
            intents_.view([](ViewState& v) { v.show_read_dialog = true; });
        explain("The output of a norm from any network, without its model.");
        if (ImGui::MenuItem("Open the built-in models")) {
            for (const std::string& model : built_in_models()) open(model);
        }
        const OpenModel* selected = controller_.state().selected();
        if (ImGui::MenuItem("Close the selected model", nullptr, false, selected != nullptr) && selected) {
            intents_.emit(CloseIntent{selected->id});
        }
        ImGui::Separator();
        if (ImGui::MenuItem("Quit", "Ctrl+Q")) intents_.emit(QuitIntent{});
        ImGui::EndMenu();
    }
    if (ImGui::BeginMenu("Run")) {
        if (ImGui::MenuItem("Run every shown model", "Ctrl+R")) intents_.emit(RunIntent{});
        if (ImGui::MenuItem("Cancel", "Esc", false, active_jobs(controller_.state()) > 0))
            intents_.emit(CancelIntent{});
        if (ImGui::MenuItem("Settings…")) intents_.view([](ViewState& v) { v.show_settings = true; });
        ImGui::EndMenu();
    }
    if (ImGui::BeginMenu("View")) {
        for (const PanelInfo& panel : panels()) {
            const auto found = view.panel_open.find(panel.name);
            const bool open = found == view.panel_open.end() || found->second;
            if (ImGui::MenuItem(panel.name, nullptr, open)) {
                intents_.view(
                    [name = std::string(panel.name), open](ViewState& v) { v.panel_open[name] = !open; });
            }
            explain(panel.answers);
        }
        ImGui::Separator();
        for (const ThemeName& one : theme_names) {
            if (ImGui::MenuItem(one.name, nullptr, view.theme == one.kind)) {
                intents_.view([kind = one.kind](ViewState& v) { v.theme = kind; });
            }
        }
        ImGui::Separator();
        if (ImGui::MenuItem("Larger text", "Ctrl++")) scale_text(intents_, text_step);
        if (ImGui::MenuItem("Smaller text", "Ctrl+-")) scale_text(intents_, 1.f / text_step);
        if (ImGui::MenuItem("Normal text", "Ctrl+0")) scale_text(intents_, 0.f);
        if (ImGui::MenuItem("Full screen", "F11", before_full_screen_.has_value())) toggle_full_screen();
        if (ImGui::MenuItem("Reset the layout")) {
            params_->dockingParams.layoutReset = true;
            intents_.view([](ViewState& v) { v.panel_open.clear(); });
        }
        ImGui::EndMenu();
    }
    if (ImGui::BeginMenu("Help")) {
        if (ImGui::MenuItem("Help and shortcuts", "F1"))
            intents_.view([](ViewState& v) { v.show_help = true; });
        if (ImGui::MenuItem("About deadscope")) intents_.view([](ViewState& v) { v.show_about = true; });
        ImGui::EndMenu();
    }
}

void Explorer::draw_toolbar() {
    const ExplorerState& state = controller_.state();
    const std::size_t active = active_jobs(state);
    if (ImGui::Button("Open…")) intents_.view([](ViewState& view) { view.show_open_dialog = true; });
    explain(
        "Open a checkpoint: a folder, a file (safetensors, PyTorch, GGUF), a hub id or a built-in model "
        "(Ctrl+O). "
        "Dropping folders or files on the window does the same.");
    ImGui::SameLine();
    ImGui::BeginDisabled(state.models.empty());
    if (ImGui::Button("Run")) intents_.emit(RunIntent{});
    ImGui::EndDisabled();
    explain("Run a forward pass over every shown model with these settings (Ctrl+R).");
    ImGui::SameLine();
    ImGui::BeginDisabled(active == 0);
    if (ImGui::Button("Cancel")) intents_.emit(CancelIntent{});
    ImGui::EndDisabled();
    explain("Stop every job; what was read so far stays (Esc).");
    ImGui::SameLine();
    if (ImGui::Button("Settings…"))
        intents_.view([](ViewState& view) { view.show_settings = !view.show_settings; });
    explain(
        "What the pass reads and how: input, tokens, seed, precision, initialisation, device, thresholds.");
    ImGui::SameLine();
    ImGui::AlignTextToFramePadding();
    ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
    ImGui::TextUnformatted(settings_words(state.settings).c_str());
    ImGui::PopStyleColor();
    explain(
        "The settings of the next run: input · arithmetic of the pass · weights as trained, and at random "
        "initialisation with the same tokens.");

    const float combo = ImGui::GetFontSize() * 7.f;
    const float right = ImGui::GetWindowContentRegionMax().x - combo - ImGui::GetStyle().ItemSpacing.x;
    draw_progress(right - ImGui::GetStyle().ItemSpacing.x);
    ImGui::SameLine(right);
    ImGui::SetNextItemWidth(combo);
    const auto chosen = std::ranges::find(theme_names, state.view.theme, &ThemeName::kind);
    if (ImGui::BeginCombo("##theme", chosen->name)) {
        for (const ThemeName& one : theme_names) {
            if (ImGui::Selectable(one.name, one.kind == state.view.theme)) {
                intents_.view([kind = one.kind](ViewState& view) { view.theme = kind; });
            }
        }
        ImGui::EndCombo();
    }
    explain("Dark, light, or a projector's large text and thick lines.");
}

// The running pass and how many jobs wait, against the right edge of the toolbar where there is room.
void Explorer::draw_progress(float right) {
    const ExplorerState& state = controller_.state();
    const std::size_t active = active_jobs(state);
    if (active == 0) return;
    const JobStatus& job = state.jobs.front();  // running ones come first
    std::string words = job.title;
    if (job.remaining_s) words += ", " + duration_text(*job.remaining_s) + " left";
    if (active > 1) words += " · " + std::to_string(active - 1) + " more";
    const float width = ImGui::GetFontSize() * 20.f;
    ImGui::SameLine();
    if (ImGui::GetCursorPosX() > right - width) {
        ImGui::NewLine();
        return;
    }
    ImGui::SetCursorPosX(right - width);
    progress_bar(job.fraction, width, words);
    explain(words);
}

}  // namespace deadscope

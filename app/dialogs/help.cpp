// The words of the help window; see help.h.
#include "app/dialogs/help.h"

#include <imgui.h>

#include <array>

#include "app/panels/panels.h"
#include "app/widgets.h"

namespace deadscope {
namespace {

struct Key {
    const char* chord;
    const char* does;
};
constexpr std::array<Key, 10> keys{{
    {"Ctrl+O", "open a model: folder, file, hub id, built-in"},
    {"Ctrl+R", "run a pass over every shown model"},
    {"Esc", "close a dialog; with none open, cancel the jobs"},
    {"Ctrl++  Ctrl+-  Ctrl+0", "larger, smaller, normal text"},
    {"F1", "this help"},
    {"F11", "full screen"},
    {"Ctrl+Q", "quit"},
    {"double click in a plot", "fit the view to the data"},
    {"drag with the right button", "zoom a plot to a box"},
    {"right click in a plot", "copy or save its data, change the axes"},
}};

struct Term {
    const char* sign;
    const char* meaning;
};
constexpr std::array<Term, 7> terms{{
    {"γ", "a norm's weight, one number a channel"},
    {"v = γ⁻¹/‖γ⁻¹‖", "the direction that LayerNorm forces to be dead: predicted from γ alone"},
    {"u_d", "the right singular vector of the smallest singular value: the direction measured"},
    {"⟨v, u_d⟩", "the alignment of the two; 1 where prediction and measurement are one line"},
    {"λ_v", "the variance of the norm's output along v; zero but for rounding where the kernel is there"},
    {"floor", "the variance that rounding alone leaves there; nothing below it can be decided"},
    {"σ_min", "the smallest singular value of a block's stream / √N; where it falls, a direction dies"},
}};

template <class Rows, class Draw>
void two_columns(const char* id, const Rows& rows, const Draw& draw) {
    if (!ImGui::BeginTable(id, 2, ImGuiTableFlags_SizingFixedFit)) return;
    ImGui::TableSetupColumn("left", ImGuiTableColumnFlags_WidthFixed, ImGui::GetFontSize() * 13.f);
    ImGui::TableSetupColumn("right", ImGuiTableColumnFlags_WidthStretch);
    for (const auto& row : rows) {
        ImGui::TableNextRow();
        draw(row);
    }
    ImGui::EndTable();
}

void row(const char* left, const char* right) {
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(left);
    ImGui::TableNextColumn();
    body_text(right);
}

}  // namespace

void draw_help(Intents& intents) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
    ImGui::SetNextWindowSize({em * 46.f, 0.f}, ImGuiCond_Appearing);
    bool open = true;
    if (ImGui::Begin(
            "Help", &open,
            ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoSavedSettings)) {
        body_text(
            "LayerNorm subtracts a mean, so its output never moves along γ⁻¹. deadscope predicts that "
            "direction from a "
            "checkpoint's parameters and measures it in one forward pass; RMSNorm subtracts nothing and "
            "keeps every "
            "direction. Every number has a tooltip that says what it is.");
        ImGui::SeparatorText("Panels");
        two_columns("panels", panels(), [](const PanelInfo& panel) { row(panel.name, panel.answers); });
        ImGui::SeparatorText("Shortcuts");
        two_columns("keys", keys, [](const Key& key) { row(key.chord, key.does); });
        ImGui::SeparatorText("Terms");
        two_columns("terms", terms, [](const Term& term) { row(term.sign, term.meaning); });
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_help = false; });
}

}  // namespace deadscope

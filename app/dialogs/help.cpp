// The words of the help window; see help.h.
#include "app/dialogs/help.h"

#include <imgui.h>

#include <array>
#include <string>

#include "app/panels/panels.h"
#include "app/theme.h"
#include "app/widgets.h"

namespace deadscope {
namespace {

struct Key {
    const char* chord;
    const char* does;
};
constexpr std::array<Key, 10> keys{{
    {"Ctrl+O", "open a model: folder, file, hub id, built-in; activations"},
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

constexpr std::string_view hook = R"(import torch
from safetensors.torch import save_file
norm, rows = model.transformer.ln_f, []  # the norm to read, and its output
keep = lambda module, inputs, output: rows.append(output.detach().flatten(0, -2).cpu())
hook = norm.register_forward_hook(keep)
with torch.no_grad():
    for batch in batches:
        model(**batch)
hook.remove()
save_file({"y": torch.cat(rows), "gamma": norm.weight.detach().cpu()}, "norm.safetensors")
)";

void draw_overview() {
    body_text(
        "LayerNorm subtracts a mean, so its output never moves along γ⁻¹. deadscope predicts that direction "
        "from "
        "a checkpoint's parameters and measures it in one forward pass; RMSNorm subtracts nothing and keeps "
        "every direction. Every number has a tooltip that says what it is.");
    ImGui::SeparatorText("Panels");
    two_columns("panels", panels(), [](const PanelInfo& panel) { row(panel.name, panel.answers); });
    ImGui::SeparatorText("Shortcuts");
    two_columns("keys", keys, [](const Key& key) { row(key.chord, key.does); });
    ImGui::SeparatorText("Terms");
    two_columns("terms", terms, [](const Term& term) { row(term.sign, term.meaning); });
}

void draw_activations_page(Intents& intents) {
    body_text(
        "A network of a family that deadscope does not know, or of another framework, is read by the output "
        "of "
        "its norm, [N, d] or [B, T, d] in .npy, .npz or safetensors, and the norm's γ. Take rather more rows "
        "than "
        "the norm is wide. This hook writes such a file from PyTorch:");
    ImGui::PushStyleColor(ImGuiCol_ChildBg, theme().ground);
    constexpr auto child = ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding;
    if (ImGui::BeginChild("hook", {0.f, 0.f}, child)) {
        push_mono(Type::small_print);
        ImGui::TextUnformatted(hook.data(), hook.data() + hook.size());
        ImGui::PopFont();
    }
    ImGui::EndChild();
    ImGui::PopStyleColor();
    if (ImGui::Button("Copy")) ImGui::SetClipboardText(std::string(hook).c_str());
    ImGui::SameLine();
    if (ImGui::Button("Read activations…"))
        intents.view([](ViewState& view) { view.show_read_dialog = true; });
    body_text(
        "Then drop norm.safetensors into the dialog, or: deadscope read norm.safetensors --gamma "
        "norm.safetensors:gamma. The numbers' type tells the arithmetic they come from, which sets the noise "
        "floor; where they were widened since, say it under “computed in”. γ may also be a checkpoint's "
        "named norm, MODEL:NORM.");
}

}  // namespace

std::string_view activations_hook() {
    return hook;
}

void draw_help(const ExplorerState& state, Intents& intents) {
    const float width = ImGui::GetFontSize() * 48.f;
    bool open = true;
    if (begin_dialog("Help", width, &open)) {
        const bool page = state.view.help_on_activations;
        int chosen = 0;
        if (draw_choice("page", {"Panels and shortcuts", "Any network, without its model"}, page, chosen))
            intents.view([chosen](ViewState& view) { view.help_on_activations = chosen == 1; });
        if (page)
            draw_activations_page(intents);
        else
            draw_overview();
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_help = false; });
}

}  // namespace deadscope

// See open_dialog.h.
#include "app/dialogs/open_dialog.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <utility>

#include "app/theme.h"
#include "app/widgets.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

std::vector<std::string> OpenDialog::take_chosen() {
    std::vector<std::string> chosen = chooser_.take();
    chosen.insert(chosen.end(), chosen_.begin(), chosen_.end());
    chosen_.clear();
    return chosen;
}

void OpenDialog::choose(std::string model, Intents& intents) {
    chosen_.push_back(std::move(model));
    intents.view([](ViewState& view) { view.show_open_dialog = false; });
}

void OpenDialog::draw_choosers(Intents& intents) {
    const auto close = [&] { intents.view([](ViewState& view) { view.show_open_dialog = false; }); };
    if (DesktopChooser::available()) {
        ImGui::BeginDisabled(chooser_.waiting());
        if (ImGui::Button("Choose a folder…")) {
            chooser_.choose_folder("Open a checkpoint folder");
            close();
        }
        ImGui::SameLine();
        if (ImGui::Button("Choose files…")) {
            chooser_.choose_files(
                "Open weights files",
                {"Weights and their indices", "*.safetensors *.json *.bin *.pt *.pth *.ckpt *.gguf",
                 "Activations", "*.npy *.npz", "All files", "*"},
                /*several=*/true);
            close();
        }
        ImGui::EndDisabled();
        ImGui::SameLine();
    }
    if (ImGui::Button("From the hub…"))
        intents.view([](ViewState& view) {
            view.show_open_dialog = false;
            view.show_hub_dialog = true;
        });
    explain("Look up a model on the Hugging Face hub: read its γ there, or download it.");
    ImGui::SameLine();
    if (ImGui::Button("Read activations…"))
        intents.view([](ViewState& view) {
            view.show_open_dialog = false;
            view.show_read_dialog = true;
        });
    explain("The output of a norm from any network, in .npy, .npz or safetensors, without its model.");
}

void OpenDialog::draw(Intents& intents) {
    const float em = ImGui::GetFontSize();
    bool open = true;
    if (begin_dialog("Open a model", em * 36.f, &open)) {
        body_text(
            "A folder with config.json beside its weights; one file: safetensors, PyTorch (bin, pt, pth), "
            "GGUF, or "
            "the index of a sharded checkpoint; a hub id that is in the local cache (gpt2, "
            "EleutherAI/pythia-160m@step1000); or a built-in model.");
        if (ImGui::IsWindowAppearing()) ImGui::SetKeyboardFocusHere();
        ImGui::SetNextItemWidth(-em * 5.f);
        const bool entered = ImGui::InputTextWithHint("##model", "path, hub id or zoo:name", &text_,
                                                      ImGuiInputTextFlags_EnterReturnsTrue);
        ImGui::SameLine();
        ImGui::BeginDisabled(text_.empty());
        const bool pressed = ImGui::Button("Open", {-1.f, 0.f});
        ImGui::EndDisabled();
        if ((entered || pressed) && !text_.empty()) choose(std::exchange(text_, {}), intents);
        draw_choosers(intents);
        ImGui::SeparatorText("Built-in models");
        for (const ZooModel& model : zoo_models()) {
            if (ImGui::Button(("zoo:" + model.name).c_str())) choose("zoo:" + model.name, intents);
            draw_small_print(model.description);
        }
        ImGui::Spacing();
        draw_small_print(
            "Folders and files of all these kinds can also be dropped on the window, several at once; .npy "
            "and "
            ".npz are read as activations.");
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_open_dialog = false; });
}

}  // namespace deadscope

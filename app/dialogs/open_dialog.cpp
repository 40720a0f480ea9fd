// The desktop's choosers are other programs (zenity, kdialog), started and polled without waiting; see
// open_dialog.h.
#include "app/dialogs/open_dialog.h"

#include <imgui.h>
#include <imgui_stdlib.h>
#include <portable_file_dialogs/portable_file_dialogs.h>

#include <utility>

#include "app/theme.h"
#include "app/widgets.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

struct OpenDialog::Chooser {
    std::unique_ptr<pfd::open_file> files;
    std::unique_ptr<pfd::select_folder> folder;

    ~Chooser() {
        // An open chooser would be waited for otherwise, and the window could not close.
        if (files && !files->ready(0)) files->kill();
        if (folder && !folder->ready(0)) folder->kill();
    }
};

OpenDialog::OpenDialog() = default;
OpenDialog::~OpenDialog() = default;

bool OpenDialog::waiting() const {
    return chooser_ != nullptr;
}

std::vector<std::string> OpenDialog::take_chosen() {
    if (chooser_ && chooser_->files && chooser_->files->ready(0)) {
        chosen_ = chooser_->files->result();
        chooser_.reset();
    } else if (chooser_ && chooser_->folder && chooser_->folder->ready(0)) {
        chosen_.push_back(chooser_->folder->result());
        chooser_.reset();
    }
    return std::exchange(chosen_, {});
}

void OpenDialog::choose(std::string model, Intents& intents) {
    chosen_.push_back(std::move(model));
    intents.view([](ViewState& view) { view.show_open_dialog = false; });
}

void OpenDialog::draw(Intents& intents) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
    ImGui::SetNextWindowSize({em * 34.f, 0.f}, ImGuiCond_Appearing);
    bool open = true;
    if (ImGui::Begin(
            "Open a model", &open,
            ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoSavedSettings)) {
        body_text(
            "A folder with config.json and safetensors files, one weights file, a hub id that is in the "
            "local cache "
            "(gpt2, EleutherAI/pythia-160m@step1000), or a built-in model.");
        if (ImGui::IsWindowAppearing()) ImGui::SetKeyboardFocusHere();
        ImGui::SetNextItemWidth(-em * 5.f);
        const bool entered = ImGui::InputTextWithHint("##model", "path, hub id or zoo:name", &text_,
                                                      ImGuiInputTextFlags_EnterReturnsTrue);
        ImGui::SameLine();
        ImGui::BeginDisabled(text_.empty());
        const bool pressed = ImGui::Button("Open", {-1.f, 0.f});
        ImGui::EndDisabled();
        if ((entered || pressed) && !text_.empty()) choose(std::exchange(text_, {}), intents);

        if (pfd::settings::available()) {
            ImGui::BeginDisabled(waiting());
            if (ImGui::Button("Choose a folder…")) {
                chooser_ = std::make_unique<Chooser>();
                chooser_->folder = std::make_unique<pfd::select_folder>("Open a checkpoint folder");
                intents.view([](ViewState& view) { view.show_open_dialog = false; });
            }
            ImGui::SameLine();
            if (ImGui::Button("Choose files…")) {
                chooser_ = std::make_unique<Chooser>();
                chooser_->files = std::make_unique<pfd::open_file>(
                    "Open weights files", "",
                    std::vector<std::string>{"Weights", "*.safetensors *.json", "All files", "*"},
                    pfd::opt::multiselect);
                intents.view([](ViewState& view) { view.show_open_dialog = false; });
            }
            ImGui::EndDisabled();
        }
        if (ImGui::Button("From the hub…"))
            intents.view([](ViewState& view) {
                view.show_open_dialog = false;
                view.show_hub_dialog = true;
            });
        explain("Look up a model on the Hugging Face hub: read its γ there, or download it.");
        ImGui::SeparatorText("Built-in models");
        for (const ZooModel& model : zoo_models()) {
            if (ImGui::Button(("zoo:" + model.name).c_str())) choose("zoo:" + model.name, intents);
            draw_small_print(model.description);
        }
        ImGui::Spacing();
        draw_small_print("Folders and files can also be dropped on the window, several at once.");
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_open_dialog = false; });
}

}  // namespace deadscope

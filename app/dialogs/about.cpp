// The words of the About box; see about.h. The list is the README's.
#include "app/dialogs/about.h"

#include <imgui.h>

#include <array>
#include <string>

#include "app/widgets.h"
#include "core/base/version.h"

namespace deadscope {
namespace {

struct Part {
    const char* name;
    const char* licence;
    const char* what;
};
constexpr std::array parts{
    Part{"Dear ImGui", "MIT", "widgets"},
    Part{"Hello ImGui", "MIT", "window and docking"},
    Part{"ImPlot, ImPlot3D", "MIT", "plots"},
    Part{"imgui_rich_md, MD4C, MicroTeX", "MIT", "formatted text and formulas"},
    Part{"imgui-command-palette", "MIT", "commands by name"},
    Part{"portable-file-dialogs", "WTFPL", "the desktop's file choosers"},
    Part{"GLFW", "zlib", "windows and input"},
    Part{"glad", "MIT, public domain", "OpenGL loader"},
    Part{"stb", "MIT or public domain", "pictures"},
    Part{"imgui_test_engine", "Dear ImGui Test Engine License 1.04", "tests; developer builds only"},
    Part{"DejaVu fonts", "Bitstream Vera, Arev", "text and mathematical signs"},
    Part{"FreeType", "FTL or GPLv2", "glyphs of formulas"},
    Part{"PCRE2", "BSD 3-clause", "the patterns of tokenizers"},
    Part{"utf8proc", "MIT", "Unicode"},
    Part{"SentencePiece", "Apache 2.0", "`.model` tokenizers"},
    Part{"libpng", "PNG Reference Library License", "saved pictures, pictures as input"},
    Part{"libcurl", "curl licence (MIT-like)", "the hub"},
    Part{"OpenSSL", "Apache 2.0", "digests of downloads"},
    Part{"libjpeg-turbo", "IJG, BSD 3-clause", "pictures as input"},
    Part{"zlib", "zlib", "packed entries of archives"},
    Part{"Eigen", "MPL 2.0", "linear algebra"},
    Part{"OpenBLAS, LAPACK", "BSD 3-clause", "linear algebra"},
    Part{"CUDA runtime, cuBLAS, cuSOLVER", "NVIDIA CUDA Toolkit EULA", "the GPU module, where it is built"},
    Part{"nlohmann-json", "MIT", "JSON"},
    Part{"CLI11", "BSD 3-clause", "command line"},
    Part{"xxHash", "BSD 2-clause", "digests"},
    Part{"Dragonbox", "Apache 2.0 with LLVM exceptions, or Boost 1.0", "the text of numbers"},
    Part{"Open MPI", "BSD 3-clause", "several processes, where built in"},
};

void draw_parts() {
    constexpr auto flags = ImGuiTableFlags_SizingFixedFit | ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY;
    if (!ImGui::BeginTable("parts", 3, flags, {0.f, ImGui::GetFontSize() * 20.f})) return;
    for (const Part& part : parts) {
        ImGui::TableNextRow();
        for (const char* text : {part.name, part.licence, part.what}) {
            ImGui::TableNextColumn();
            ImGui::TextUnformatted(text);
        }
    }
    ImGui::EndTable();
}

}  // namespace

void draw_about(Intents& intents) {
    const float em = ImGui::GetFontSize();
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
    ImGui::SetNextWindowSize({em * 48.f, 0.f}, ImGuiCond_Appearing);
    bool open = true;
    if (ImGui::Begin(
            "About deadscope", &open,
            ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoSavedSettings)) {
        draw_finding(std::string("deadscope ") + version);
        body_text(
            "Predicts the dead directions of normalisation layers from a checkpoint's parameters, and "
            "measures them in a "
            "forward pass. After Shirodkar & Narayanan, Algebraic Dead Directions in LayerNorm Transformers, "
            "arXiv 2606.19491.");
        draw_small_print("© 2026 the deadscope authors, MIT licence.");
        ImGui::SeparatorText("Third-party software and its licences");
        draw_parts();
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_about = false; });
}

}  // namespace deadscope

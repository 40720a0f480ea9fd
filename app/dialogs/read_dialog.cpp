// See read_dialog.h.
#include "app/dialogs/read_dialog.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>

#include "app/theme.h"
#include "app/widgets.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

constexpr const char* title = "Read activations";

void label(const char* words, const char* tooltip) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(words);
    explain(tooltip);
    ImGui::TableNextColumn();
}

bool begin_fields(const char* id) {
    if (!ImGui::BeginTable(id, 2, ImGuiTableFlags_SizingFixedFit)) return false;
    ImGui::TableSetupColumn("name", ImGuiTableColumnFlags_WidthFixed, ImGui::GetFontSize() * 7.f);
    ImGui::TableSetupColumn("value", ImGuiTableColumnFlags_WidthStretch);
    return true;
}

// The array that the form means, as far as the file is known; nullptr: not yet.
const ArrayInfo* chosen_array(const ExplorerState& state, const ReadForm& form) {
    if (state.arrays.file != form.file) return nullptr;
    const auto found = std::ranges::find(state.arrays.arrays, form.settings.tensor, &ArrayInfo::name);
    return found == state.arrays.arrays.end() || found->shape.size() < 2 ? nullptr : &*found;
}

std::string array_words(const ArrayInfo& array) {
    return (array.name.empty() ? "" : array.name + "  ") + array.type + " " + shape_text(array.shape);
}

void draw_arrays(const ExplorerState& state, ReadForm& form) {
    label("array", "Rows of a norm's output: [N, d], or [B, T, d] taken as [B T, d].");
    const ArrayInfo* chosen = chosen_array(state, form);
    ImGui::SetNextItemWidth(-1.f);
    const std::string words = chosen                         ? array_words(*chosen)
                              : form.settings.tensor.empty() ? "choose one of the file's arrays"
                                                             : form.settings.tensor;
    if (!ImGui::BeginCombo("##array", words.c_str())) return;
    for (const ArrayInfo& array : state.arrays.arrays) {
        if (array.shape.size() < 2) continue;
        if (ImGui::Selectable(array_words(array).c_str(), &array == chosen))
            form.settings.tensor = array.name;
    }
    ImGui::EndCombo();
}

// What the file turned out to hold, below its name.
void draw_found(const ExplorerState& state, ReadForm& form) {
    if (state.arrays.file != form.file || form.file.empty()) return;
    if (state.arrays.reading) return draw_small_print("Looking into the file…");
    if (!state.arrays.error.empty()) return error_text(state.arrays.error);
    const auto rows = std::ranges::count_if(state.arrays.arrays,
                                            [](const ArrayInfo& array) { return array.shape.size() >= 2; });
    if (rows == 0)
        return error_text("No array of this file has rows of floating numbers, [N, d]. Name another file.");
    const ArrayInfo* chosen = chosen_array(state, form);
    if (chosen == nullptr) return;
    std::uint64_t count = 1;
    for (std::size_t i = 0; i + 1 < chosen->shape.size(); ++i)
        count *= static_cast<std::uint64_t>(chosen->shape[i]);
    const auto d = static_cast<std::uint64_t>(chosen->shape.back());
    draw_small_print(
        counted(count, "row") + " of " + counted(d, "channel") + ", " + chosen->type +
        (count <= d
             ? ". Fewer rows than needed: take rather more than the norm is wide, for its dead direction "
               "to be told from those that were never seen."
             : ""));
}

bool fits(const std::vector<std::int64_t>& shape, std::int64_t width) {
    return shape.size() == 1 && shape.front() == width;
}

// γ's that are at hand: arrays of the same file, norms of the open models, all as wide as the rows.
void draw_gammas(const ExplorerState& state, const ReadForm& form, std::int64_t width, std::string& gamma) {
    bool none = true;
    const auto offer = [&](const std::string& words, const std::string& value) {
        none = false;
        if (ImGui::Selectable((words + "##" + value).c_str(), gamma == value)) gamma = value;
    };
    for (const ArrayInfo& array : state.arrays.arrays)
        if (fits(array.shape, width)) offer("this file: " + array.name, form.file + ":" + array.name);
    for (const OpenModel& model : state.models) {
        if (!model.gamma || model.activations || model.remote) continue;
        for (const NormReading& norm : model.gamma->norms)
            if (norm.spec.d == width)
                offer(model.label + ": " + norm.spec.name, model.model + ":" + norm.spec.name);
    }
    if (none) draw_small_print("Nothing that is open is " + std::to_string(width) + " wide.");
}

template <class Value, std::size_t size>
void draw_choice(const char* id, const std::array<std::pair<const char*, Value>, size>& choices,
                 Value& value) {
    const auto current = std::ranges::find(choices, value, [](const auto& one) { return one.second; });
    ImGui::SetNextItemWidth(-1.f);
    if (!ImGui::BeginCombo(id, current == choices.end() ? "" : current->first)) return;
    for (const auto& [name, one] : choices)
        if (ImGui::Selectable(name, one == value)) value = one;
    ImGui::EndCombo();
}

constexpr std::array<std::pair<const char*, NormKind>, 3> kinds{
    {{"as γ's checkpoint says, or the activations show", NormKind::unknown},
     {"LayerNorm", NormKind::layer_norm},
     {"RMSNorm", NormKind::rms_norm}}};
constexpr std::array<std::pair<const char*, std::optional<Precision>>, 5> precisions{
    {{"as the array is stored", std::nullopt},
     {"f64", Precision::f64},
     {"f32", Precision::f32},
     {"bf16", Precision::bf16},
     {"f16", Precision::f16}}};

bool same(const ReadForm& a, const ReadForm& b) {
    return a.file == b.file && a.settings.tensor == b.settings.tensor &&
           a.settings.gamma == b.settings.gamma && a.settings.beta == b.settings.beta &&
           a.settings.input == b.settings.input && a.settings.kind == b.settings.kind &&
           a.settings.precision == b.settings.precision;
}

}  // namespace

bool is_activations_name(const std::string& path) {
    return path.ends_with(".npy") || path.ends_with(".npz");
}

void show_read_dialog(const std::string& file, Intents& intents) {
    intents.view([file](ViewState& view) {
        view.show_read_dialog = true;
        if (view.read_form.file != file) view.read_form = {.file = file, .settings = {}};
    });
    intents.emit(ArraysIntent{file});
}

// A path to type, and where the desktop has one a chooser beside it. True: Enter was pressed in it.
bool ReadDialog::draw_path(const char* id, const char* hint, std::string& path, Field field, float reserved) {
    const ImGuiStyle& style = ImGui::GetStyle();
    const bool chooser = DesktopChooser::available();
    const float button =
        chooser ? ImGui::CalcTextSize("Choose…").x + 2.f * style.FramePadding.x + style.ItemSpacing.x : 0.f;
    ImGui::PushID(id);
    ImGui::SetNextItemWidth(ImGui::GetContentRegionAvail().x - button - reserved);
    ImGui::InputTextWithHint("##path", hint, &path);
    typing_ = typing_ || ImGui::IsItemActive();
    const bool entered = ImGui::IsItemDeactivated() && ImGui::IsKeyPressed(ImGuiKey_Enter, false);
    if (chooser) {
        ImGui::SameLine();
        ImGui::BeginDisabled(chooser_.waiting());
        if (ImGui::Button("Choose…")) {
            chosen_for_ = field;
            chooser_.choose_files("Choose a file",
                                  {"Arrays", "*.npy *.npz *.safetensors *.pt *.bin", "All files", "*"},
                                  /*several=*/false);
        }
        ImGui::EndDisabled();
    }
    ImGui::PopID();
    return entered;
}

void ReadDialog::take_chosen(ReadForm& form) {
    const std::vector<std::string> chosen = chooser_.take();
    if (chosen.empty()) return;
    ActivationSettings& settings = form.settings;
    std::string& field = chosen_for_ == Field::file    ? form.file
                         : chosen_for_ == Field::gamma ? settings.gamma
                         : chosen_for_ == Field::beta  ? settings.beta
                                                       : settings.input;
    field = chosen.front();
}

void ReadDialog::draw_file(const ExplorerState& state, ReadForm& form, Intents& intents) {
    label("activations", "The output of a norm, one row a token: .npy, .npz, safetensors or a PyTorch file.");
    if (ImGui::IsWindowAppearing() && form.file.empty()) ImGui::SetKeyboardFocusHere();
    typing_ = false;
    draw_path("file", "file of the norm's output, [N, d]", form.file, Field::file, 0.f);
    if (form.file != state.arrays.file && !typing_) intents.emit(ArraysIntent{form.file});
    const std::vector<ArrayInfo>& arrays = state.arrays.arrays;
    const bool named = !arrays.empty() && !(arrays.size() == 1 && arrays.front().name.empty());
    if (state.arrays.file == form.file && named) draw_arrays(state, form);
    ImGui::TableNextRow();
    ImGui::TableSetColumnIndex(1);
    draw_found(state, form);
}

bool ReadDialog::draw_gamma(const ExplorerState& state, ReadForm& form) {
    label("γ",
          "The weight of the norm whose output this is: an array of d numbers, or a norm of a checkpoint.");
    const float arrow = ImGui::GetFrameHeight() + ImGui::GetStyle().ItemSpacing.x;
    const bool entered =
        draw_path("gamma", "FILE:NAME, or MODEL:NORM", form.settings.gamma, Field::gamma, arrow);
    ImGui::SameLine();
    const ArrayInfo* chosen = chosen_array(state, form);
    ImGui::BeginDisabled(chosen == nullptr);
    if (ImGui::BeginCombo("##gammas", "", ImGuiComboFlags_NoPreview | ImGuiComboFlags_PopupAlignLeft)) {
        if (chosen) draw_gammas(state, form, chosen->shape.back(), form.settings.gamma);
        ImGui::EndCombo();
    }
    ImGui::EndDisabled();
    explain("Arrays of the file and norms of the open models that are as wide as its rows.");
    return entered;
}

void ReadDialog::draw_more(ReadForm& form) {
    if (!ImGui::CollapsingHeader("What else is known") || !begin_fields("more")) return;
    label("β", "The norm's bias, where it has one: it moves the output and changes no spectrum.");
    draw_path("beta", "FILE:NAME, or empty", form.settings.beta, Field::beta, 0.f);
    label(
        "norm's input",
        "The rows before the norm: with them the floor also counts what the rounding of their mean leaves.");
    draw_path("input", "FILE:NAME, or empty", form.settings.input, Field::input, 0.f);
    label("norm", "What the network declares the norm to be.");
    draw_choice("##kind", kinds, form.settings.kind);
    label("computed in",
          "The arithmetic that the numbers come from, where they were widened since: it sets the "
          "noise floor.");
    draw_choice("##precision", precisions, form.settings.precision);
    ImGui::EndTable();
}

void ReadDialog::draw(const ExplorerState& state, Intents& intents) {
    const float em = ImGui::GetFontSize();
    bool open = true, entered = false;
    ReadForm form = state.view.read_form;
    take_chosen(form);
    if (begin_dialog(title, em * 40.f, &open)) {
        body_text(
            "The output of a norm and its γ, from any network in any framework: the whole reading but for "
            "the "
            "blocks, which activations do not have.");
        if (begin_fields("fields")) {
            draw_file(state, form, intents);
            entered = draw_gamma(state, form);
            ImGui::EndTable();
        }
        draw_more(form);
        ImGui::Spacing();
        const bool ready = !form.file.empty() && !form.settings.gamma.empty();
        ImGui::BeginDisabled(!ready);
        const bool pressed = ImGui::Button("Read", {em * 7.f, 0.f});
        ImGui::EndDisabled();
        if (ready && (entered || pressed)) {
            intents.emit(ReadIntent{form.file, form.settings});
            open = false;
        }
        ImGui::SameLine();
        if (ImGui::Button("How to write such a file"))
            intents.view([](ViewState& view) { view.show_help = view.help_on_activations = true; });
        explain("Ten lines of PyTorch that write a norm's output and its γ.");
    }
    ImGui::End();
    if (!same(form, state.view.read_form)) intents.view([form](ViewState& view) { view.read_form = form; });
    if (!open) intents.view([](ViewState& view) { view.show_read_dialog = false; });
}

}  // namespace deadscope

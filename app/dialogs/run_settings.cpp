// Each field edits a copy of the settings; a change becomes one intent. See run_settings.h.
#include "app/dialogs/run_settings.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "app/theme.h"
#include "app/widgets.h"
#include "core/backend/backend.h"

namespace deadscope {
namespace {

// Asked once: a GPU's driver takes longer to answer than a frame.
const std::vector<std::string>& device_names() {
    static const std::vector<std::string> names = device_choices();
    return names;
}

struct KindChoice {
    InputKind kind;
    const char* name;
    const char* value_hint;
    const char* explanation;
};
constexpr const char* prose_name = "Built-in prose";
constexpr std::array<KindChoice, 9> kinds{{
    {InputKind::random, "Random", nullptr,
     "Seeded random tokens, pictures or sound, whichever the model reads, as sequences of the model's "
     "context length."},
    {InputKind::text, prose_name, nullptr,
     "Prose in several languages, code and formulas, through the checkpoint's own tokenizer. Where it is "
     "over it "
     "begins anew at another place."},
    {InputKind::text, "Text file", "file; empty: built-in prose",
     "Text through the checkpoint's own tokenizer, in sequences of the model's context length."},
    {InputKind::prompt, "Prompt", "the text itself",
     "Text typed here, through the checkpoint's own tokenizer."},
    {InputKind::tokens, "Token file", "file.npy",
     "int32 or int64 token ids, [T] or [B, T]; each row is its own sequence."},
    {InputKind::pixels, "Pixel file", "file.npy",
     "float32 pictures [B, C, H, W], as the model's own preprocessing gives them."},
    {InputKind::images, "Pictures", "folder or file; builtin: drawn scenes",
     "PNG and JPEG pictures through the checkpoint's own preprocessing. 'builtin' draws scenes of gradients, "
     "chequers, discs and noise."},
    {InputKind::audio, "Sound file", "file.wav",
     "A WAVE file through the checkpoint's own preprocessing, split into windows of the model's length."},
    {InputKind::features, "Feature file", "file.npy", "float32 log-mel frames [B, mel, frames]."},
}};

void label(const char* text, std::string_view explanation) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(text);
    explain(explanation);
    ImGui::TableNextColumn();
    ImGui::SetNextItemWidth(-1.f);
}

bool edit_input(InputSettings& input) {
    bool changed = false;
    const auto is_chosen = [&](const KindChoice& kind) {
        const bool prose = input.kind == InputKind::text && input.value == kBuiltinProse;
        return kind.kind == input.kind &&
               (input.kind != InputKind::text || prose == (kind.name == prose_name));
    };
    const auto chosen = std::ranges::find_if(kinds, is_chosen);
    label("Input", "What goes through the model. The kernel does not depend on it; the spectrum does.");
    if (ImGui::BeginCombo("##input", chosen->name)) {
        for (const KindChoice& kind : kinds) {
            const bool was_chosen = is_chosen(kind);
            if (ImGui::Selectable(kind.name, was_chosen)) {
                changed = !was_chosen;
                input.kind = kind.kind;
                input.value = kind.kind == InputKind::images ? kDrawnScenes
                              : kind.name == prose_name      ? kBuiltinProse
                                                             : std::string_view();
            }
            explain(kind.explanation);
        }
        ImGui::EndCombo();
    }
    explain(chosen->explanation);
    if (chosen->value_hint) {
        label("From", chosen->explanation);
        changed |= ImGui::InputTextWithHint("##value", chosen->value_hint, &input.value);
        explain(chosen->explanation);
        return changed;
    }
    constexpr std::string_view tokens_text =
        "How many tokens N. 0 takes twice the model's width d, which is enough for an alignment: it needs "
        "more than d, since a "
        "centred matrix of N rows has a rank of at most N − 1.";
    label("Tokens", tokens_text);
    auto tokens = static_cast<std::uint64_t>(input.tokens.value_or(0));
    constexpr std::uint64_t step = 128;
    if (ImGui::InputScalar("##tokens", ImGuiDataType_U64, &tokens, &step)) {
        input.tokens = tokens == 0 ? std::nullopt : std::optional<std::size_t>(tokens);
        changed = true;
    }
    explain(tokens_text);
    return changed;
}

// Ticks of a list that never becomes empty and keeps the order of `all`.
template <class T, std::size_t N, class Name>
bool edit_list(std::vector<T>& list, const std::array<T, N>& all, const std::array<const char*, N>& texts,
               const Name& name) {
    bool changed = false;
    for (std::size_t i = 0; i < N; ++i) {
        if (i > 0) ImGui::SameLine();
        bool in = std::ranges::find(list, all[i]) != list.end();
        const bool last = in && list.size() == 1;
        if (ImGui::Checkbox(std::string(name(all[i])).c_str(), &in) && !last) {
            std::vector<T> next;
            for (const T& one : all) {
                const bool had = std::ranges::find(list, one) != list.end();
                if (one == all[i] ? in : had) next.push_back(one);
            }
            list = std::move(next);
            changed = true;
        }
        explain(texts[i]);
    }
    return changed;
}

bool edit_arithmetic(ReadingSettings& settings) {
    bool changed = false;
    constexpr std::string_view precision_text =
        "Arithmetic of the pass. Several make a precision ladder: an eigenvalue that falls with u² is "
        "exactly "
        "zero but for rounding, "
        "one that stays is small and real.";
    label("Precision", precision_text);
    changed |= edit_list(settings.precisions,
                         std::array{Precision::f64, Precision::f32, Precision::bf16, Precision::f16},
                         std::array{"double precision, u = 1.1e-16; slower", "single precision, u = 6.0e-8",
                                    "bfloat16: every result rounded to it, u = 3.9e-3",
                                    "half precision: every result rounded to it, u = 4.9e-4; up to 65504"},
                         precision_name);
    constexpr std::string_view init_text =
        "Whose weights. The random initialisation has the checkpoint's own configuration, the family's "
        "published initialiser and "
        "the same tokens; where a step 0 snapshot exists, that is taken.";
    label("Weights", init_text);
    changed |= edit_list(settings.inits, std::array{Init::trained, Init::random},
                         std::array{"the checkpoint as it is", "its twin before training"}, init_name);
    constexpr std::string_view device_text =
        "Where the pass runs. auto takes every GPU that can be used, which share the sequences, else the "
        "processor; deadscope doctor lists them.";
    label("Device", device_text);
    if (ImGui::BeginCombo("##device", settings.device.c_str())) {
        for (const std::string& device : device_names()) {
            if (ImGui::Selectable(device.c_str(), settings.device == device)) {
                settings.device = device;
                changed = true;
            }
        }
        ImGui::EndCombo();
    }
    explain(device_text);
    constexpr std::string_view threads_text =
        "Threads of the pass. 0 takes every core but one, which is left to the window; with one or two "
        "cores, all. Either way they give way to the window where both want the same core.";
    label("Threads", threads_text);
    changed |= ImGui::InputInt("##threads", &settings.threads);
    settings.threads = std::clamp(settings.threads, 0, 1024);
    explain(threads_text);
    return changed;
}

bool edit_thresholds(ReadingSettings& settings) {
    bool changed = false;
    constexpr std::string_view seed_text =
        "For every random choice: tokens and the twin's weights. The same seed gives the same report.";
    label("Seed", seed_text);
    if (ImGui::InputScalar("##seed", ImGuiDataType_U64, &settings.seed)) {
        settings.input.seed = settings.seed;
        changed = true;
    }
    explain(seed_text);
    constexpr std::string_view tau_text =
        "A block is flagged where σ_min falls below 1/τ of the block before. Growth is shown, not flagged.";
    label("τ", tau_text);
    changed |= ImGui::InputDouble("##tau", &settings.residual.tau, 0.0, 0.0, "%.4g");
    settings.residual.tau = std::max(settings.residual.tau, 1.0);
    explain(tau_text);
    constexpr std::string_view dead_text =
        "A direction counts as dead where σ is at most this part of σ_max, or at the noise floor.";
    label("Dead below", dead_text);
    changed |= ImGui::InputDouble("##dead", &settings.alignment.dead_relative, 0.0, 0.0, "%.3g");
    settings.alignment.dead_relative = std::clamp(settings.alignment.dead_relative, 0.0, 1.0);
    explain(dead_text);
    constexpr std::string_view memory_text =
        "A bound on working memory in GiB; the pass streams block by block to keep it. 0: none.";
    label("Memory", memory_text);
    double gib = static_cast<double>(settings.memory_bytes) / (1024.0 * 1024.0 * 1024.0);
    if (ImGui::InputDouble("##memory", &gib, 0.0, 0.0, "%.3g GiB")) {
        settings.memory_bytes =
            static_cast<std::uint64_t>(std::clamp(gib, 0.0, 65536.0) * 1024.0 * 1024.0 * 1024.0);
        changed = true;
    }
    explain(memory_text);
    return changed;
}

}  // namespace

void draw_run_settings(const ExplorerState& state, Intents& intents) {
    const float em = ImGui::GetFontSize();
    const ImVec2 corner = ImGui::GetMainViewport()->WorkPos;
    ImGui::SetNextWindowPos({corner.x + em * 8.f, corner.y + em * 3.2f}, ImGuiCond_Appearing);
    ImGui::SetNextWindowSize({em * 26.f, 0.f}, ImGuiCond_Appearing);
    bool open = true;
    if (ImGui::Begin(
            "Run settings", &open,
            ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking | ImGuiWindowFlags_NoSavedSettings)) {
        ReadingSettings settings = state.settings;
        bool changed = false;
        if (ImGui::BeginTable("settings", 2, ImGuiTableFlags_SizingFixedFit)) {
            ImGui::TableSetupColumn("name", ImGuiTableColumnFlags_WidthFixed, em * 6.f);
            ImGui::TableSetupColumn("value", ImGuiTableColumnFlags_WidthStretch);
            changed |= edit_input(settings.input);
            changed |= edit_arithmetic(settings);
            changed |= edit_thresholds(settings);
            ImGui::EndTable();
        }
        if (changed) intents.emit(SettingsIntent{settings});
        ImGui::Spacing();
        ImGui::BeginDisabled(state.models.empty());
        if (ImGui::Button("Run every shown model")) {
            intents.emit(RunIntent{});
            open = false;
        }
        ImGui::EndDisabled();
        explain("Run the pass anew with these settings (Ctrl+R).");
    }
    ImGui::End();
    if (!open) intents.view([](ViewState& view) { view.show_settings = false; });
}

}  // namespace deadscope

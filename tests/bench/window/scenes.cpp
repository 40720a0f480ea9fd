// See scenes.h.
#include "tests/bench/window/scenes.h"

#include <imgui.h>
#include <imgui_internal.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>

#include "app/panels/panels.h"
#include "core/base/error.h"
#include "tests/fixtures/wide_reading.h"

namespace deadscope {
namespace {

using fixtures::wide_reading;

constexpr std::size_t pass_tokens = 60000;  // of the built-in model's pass: it lasts as long as the scenes
constexpr auto growth_period = std::chrono::milliseconds(100);  // a new block of the wide reading

// The middle part of a panel's window, where its plot is.
ImRect plot_area(const char* panel) {
    const ImGuiWindow* window = ImGui::FindWindowByName(panel);
    if (window == nullptr) return {};
    const ImVec2 size = window->Size;
    return {{window->Pos.x + size.x * 0.25f, window->Pos.y + size.y * 0.4f},
            {window->Pos.x + size.x * 0.85f, window->Pos.y + size.y * 0.75f}};
}

// Over every panel in turn, to and fro.
void move_pointer(int frame) {
    constexpr int stay = 20;  // frames in one panel
    const auto all = panels();
    const ImRect area = plot_area(all[static_cast<std::size_t>(frame / stay) % all.size()].name);
    const float t = 0.5f + 0.5f * std::sin(static_cast<float>(frame) * 0.37f);
    const float s = 0.5f + 0.5f * std::sin(static_cast<float>(frame) * 0.11f);
    ImGui::GetIO().AddMousePosEvent(area.Min.x + area.GetWidth() * t, area.Min.y + area.GetHeight() * s);
}

void leave_window() {
    ImGui::GetIO().AddMousePosEvent(-1000.f, -1000.f);
}

// Into each panel in turn, and out of it again.
void zoom(std::span<const char* const> plots, int frame) {
    constexpr int stay = 24;
    const ImRect area = plot_area(plots[static_cast<std::size_t>(frame / stay) % plots.size()]);
    ImGuiIO& io = ImGui::GetIO();
    io.AddMousePosEvent(area.GetCenter().x, area.GetCenter().y);
    const int at = frame % stay;
    if (at > 1) io.AddMouseWheelEvent(0.f, at < stay / 2 + 1 ? 1.f : -1.f);
}

void turn_views(Explorer& explorer, int frame) {
    constexpr int stay = 8;
    if (frame % stay != 0) return;
    explorer.intents().view([turn = frame / stay](ViewState& view) {
        view.gamma.tab = turn % 3;
        view.gamma.sorted = turn % 2 == 1;
        view.gamma.log_scale = turn % 4 < 2;
        view.alignment.tab = (turn + 1) % 3;
        view.alignment.sorted = turn % 2 == 1;
        view.eigenvalues.log_rank = turn % 2 == 1;
    });
}

void select(Explorer& explorer, std::size_t place) {
    const auto& models = explorer.controller().state().models;
    explorer.intents().emit(SelectIntent{
        {.model = models.at(std::min(place, models.size() - 1)).id, .norm = {}, .block = {}, .channel = {}}});
}

void set_views(Explorer& explorer, int gamma, int alignment, bool sorted) {
    explorer.intents().view([=](ViewState& view) {
        view.gamma = {};
        view.alignment = {};
        view.eigenvalues = {};
        view.gamma.tab = gamma;
        view.alignment.tab = alignment;
        view.gamma.sorted = view.alignment.sorted = sorted;
    });
}

constexpr std::size_t widest = 3;  // its place among the models
constexpr std::size_t growing = 7;

std::vector<Scene> all_scenes() {
    const auto away = [](Explorer&, int) { leave_window(); };
    const auto pointed = [](Explorer&, int frame) { move_pointer(frame); };
    const auto show = [](std::size_t model, int gamma, int alignment, bool sorted) {
        return [=](Explorer& explorer) {
            select(explorer, model);
            set_views(explorer, gamma, alignment, sorted);
        };
    };
    const auto zooming = [](std::span<const char* const> plots) {
        return [=](Explorer&, int frame) { zoom(plots, frame); };
    };
    static constexpr std::array all_plots{"γ spectra", "Eigenvalues", "Alignment", "Residual stream"};
    return {
        {"still", "nothing at work", false, show(widest, 0, 0, false), away},
        {"pass", "a pass at work", true, show(widest, 0, 0, false), away},
        // Before the scenes that leave behind what it would make.
        {"views", "another view of each panel every 8 frames", true, show(widest, 0, 0, false),
         [](Explorer& explorer, int frame) {
             move_pointer(frame);
             turn_views(explorer, frame);
         }},
        {"growing", "the growing model selected", true, show(growing, 0, 0, false), away},
        {"pointer", "the pointer moving over every panel", true, show(widest, 0, 0, false), pointed},
        {"lines", "every γ as a line, every direction", true, show(widest, 1, 1, false), pointed},
        {"sorted", "every γ as a line, sorted", true, show(widest, 1, 0, true), pointed},
        {"scatter", "histogram and scatter", true, show(widest, 2, 2, false), pointed},
        {"zoom", "zooming every plot in turn", true, show(widest, 0, 0, false), zooming(all_plots)},
        {"zoom-lines", "zooming every γ as a line", true, show(widest, 1, 1, false),
         zooming(std::span(all_plots).first(1))},
    };
}

}  // namespace

std::vector<Scene> chosen_scenes(const BenchOptions& options) {
    std::vector<Scene> scenes = all_scenes();
    if (options.scene.empty()) return scenes;
    std::string names;
    for (const Scene& scene : scenes) names += (names.empty() ? "" : ", ") + std::string(scene.name);
    std::erase_if(scenes, [&](const Scene& scene) { return scene.name != options.scene; });
    if (scenes.empty())
        throw Error::usage("there is no such scene",
                           {.key = "--scene", .expected = names, .found = options.scene});
    return scenes;
}

Load::Load() {
    constexpr std::size_t layers = 32;
    for (std::size_t blocks = 1; blocks <= layers + 1; blocks += 4)
        growing_.push_back(wide_reading(
            {.name = "growing-4096", .width = 4096, .layers = layers, .blocks = blocks, .seed = 8}));
}

void Load::begin(Explorer& explorer) {
    Controller& controller = explorer.controller();
    const auto add = [&](const fixtures::WideReading& wanted) {
        controller.show_reading(wanted.name, wide_reading(wanted), /*complete=*/true);
    };
    add({.name = "neox-8192", .width = 8192, .layers = 48, .blocks = 49, .seed = 1, .ladder = true});
    add({.name = "neox-6144", .width = 6144, .layers = 44, .blocks = 45, .seed = 2, .ladder = true});
    add({.name = "base-8192", .width = 8192, .layers = 32, .seed = 3});
    add({.name = "tuned-8192", .width = 8192, .layers = 32, .seed = 4});
    controller.show_reading("growing-4096", growing_.back(), /*complete=*/true);
    select(explorer, widest);
}

void Load::step(Explorer& explorer, bool at_work) {
    Controller& controller = explorer.controller();
    if (at_work && !controller.busy()) {
        ReadingSettings settings = controller.state().settings;
        settings.input.tokens = pass_tokens;
        settings.precisions = {Precision::f64};
        explorer.intents().emit(SettingsIntent{settings});
        explorer.intents().emit(RunIntent{controller.state().models.front().id});
    }
    if (!at_work || Clock::now() < next_) return;
    next_ = Clock::now() + growth_period;
    grown_ = (grown_ + 1) % growing_.size();
    // A copy, as a pass leaves one after each block; taken over inside of the frame that is timed.
    explorer.intents().view([&controller, complete = grown_ + 1 == growing_.size(),
                             reading = std::make_shared<const Reading>(*growing_[grown_])](ViewState&) {
        controller.show_reading("growing-4096", reading, complete);
    });
}

void Load::end(Explorer& explorer) {
    explorer.intents().emit(CancelIntent{});
    explorer.controller().apply(explorer.intents().take());
}

}  // namespace deadscope

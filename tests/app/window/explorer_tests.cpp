// Open, run, watch progress, cancel, switch and close panels, open a broken file, close; see
// explorer_tests.h.
#include "tests/app/window/explorer_tests.h"

#include <imgui_internal.h>
#include <imgui_test_engine/imgui_te_context.h>
#include <imgui_test_engine/imgui_te_engine.h>

#include <array>
#include <chrono>
#include <string>

#include "app/explorer.h"
#include "app/panels/panels.h"
#include "app/plots/kept.h"
#include "app/scene/heatmap.h"
#include "tests/app/window/hub_tests.h"
#include "tests/app/window/opening_tests.h"
#include "tests/app/window/steps.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

constexpr const char* toolbar = "//##Top_2123243";

void set_tokens(ImGuiTestContext* ctx, std::size_t tokens, Precision precision) {
    ReadingSettings settings = state_of(ctx).settings;
    settings.input.tokens = tokens;
    settings.precisions = {precision};
    explorer_of(ctx)->intents().emit(SettingsIntent{settings});
    ctx->Yield(2);
}

void test_first_window(ImGuiTestContext* ctx) {
    IM_CHECK(idle(ctx));
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
    for (const OpenModel& one : state_of(ctx).models) {
        IM_CHECK(one.stage == Stage::done);
        IM_CHECK(one.reading && one.reading->runs.size() == 2);
    }
    for (const PanelInfo& panel : panels()) {
        const ImGuiWindow* window = ctx->GetWindowByRef((std::string("//") + panel.name).c_str());
        IM_CHECK(window != nullptr);
        IM_CHECK(window->DockIsActive && window->Active);
        IM_CHECK(window->Size.x > 200.f && window->Size.y > 200.f);  // each has room at 1280 x 800
    }
}

void test_open_built_in(ImGuiTestContext* ctx) {
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_O);
    ctx->Yield(2);
    IM_CHECK(state_of(ctx).view.show_open_dialog);
    ctx->Yield(10);  // until the dialog is as high as what it holds, and stands still
    ctx->ItemClick("//Open a model/zoo:vit-layernorm");
    IM_CHECK(until(ctx, [&] { return state_of(ctx).models.size() == 3 && model(ctx, 2).gamma != nullptr; }));
    IM_CHECK(!state_of(ctx).view.show_open_dialog);
    IM_CHECK(idle(ctx));
    IM_CHECK(model(ctx, 2).stage == Stage::done);
    IM_CHECK_NE(model(ctx, 2).colour, model(ctx, 0).colour);
    ctx->ItemClick(row(model(ctx, 2), "✕##close").c_str());
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
}

void test_run_progress_cancel(ImGuiTestContext* ctx) {
    set_tokens(ctx, 60000, Precision::f64);
    ctx->ItemClick((std::string(toolbar) + "/Run").c_str());
    IM_CHECK(until(ctx, [&] { return model(ctx, 0).stage == Stage::running; }));
    const JobStatus* job = state_of(ctx).job_of(model(ctx, 0).id);
    IM_CHECK(job != nullptr);
    const double before = job->fraction;
    IM_CHECK(until(ctx, [&] {
        const JobStatus* now = state_of(ctx).job_of(model(ctx, 0).id);
        return now != nullptr && now->fraction > before;
    }));
    // The window answers while the pass runs: frames go on, and the blocks appear.
    const auto blocks = [&] {
        const auto& reading = model(ctx, 0).reading;
        return reading && reading->input.tokens == 60000 ? reading->runs.at(0).blocks.size() : 0;
    };
    IM_CHECK(until(ctx, [&] { return blocks() > 0; }));
    const auto start = std::chrono::steady_clock::now();
    ctx->ItemClick((std::string(toolbar) + "/Cancel").c_str());
    IM_CHECK(idle(ctx));
    IM_CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
    IM_CHECK(model(ctx, 0).run_cancelled);
    IM_CHECK(model(ctx, 0).stage == Stage::ready);
    IM_CHECK(blocks() > 0);  // what was read stays

    set_tokens(ctx, 192, Precision::f32);
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_R);
    IM_CHECK(until(
        ctx, [&] { return explorer_of(ctx)->controller().busy() || model(ctx, 0).stage == Stage::done; }));
    IM_CHECK(idle(ctx));
    IM_CHECK(model(ctx, 0).stage == Stage::done && model(ctx, 1).stage == Stage::done);
}

// Nothing is made of the data again while neither the data nor the view changes; a change of view is seen.
void test_nothing_is_made_twice(ImGuiTestContext* ctx) {
    ctx->MouseMoveToPos({2.f, 2.f});
    const std::size_t at_first = made_so_far();
    for (const bool sorted : {false, true}) {
        for (const int tab : {2, 1, 0}) {
            explorer_of(ctx)->intents().view([=](ViewState& view) {
                view.gamma.tab = view.alignment.tab = tab;
                view.gamma.sorted = view.alignment.sorted = sorted;
            });
            ctx->Yield(5);
            const Heatmap& heatmap = kept_heatmap(sorted ? "gamma, sorted" : "gamma");
            const std::size_t made = made_so_far(), drawn = heatmap.drawn();
            ctx->Yield(100);
            IM_CHECK_EQ(made_so_far(), made);
            IM_CHECK_EQ(heatmap.drawn(), drawn);
        }
    }
    IM_CHECK_GT(made_so_far(), at_first);
    explorer_of(ctx)->intents().view([](ViewState& view) {
        view.gamma = {};
        view.alignment = {};
    });
    ctx->Yield(2);
}

void test_panels_close_and_return(ImGuiTestContext* ctx) {
    for (const PanelInfo& panel : panels()) {
        ctx->MenuClick((std::string("//##MainMenuBar/View/") + panel.name).c_str());
        ctx->Yield(2);
        IM_CHECK(!state_of(ctx).view.panel_open.at(panel.name));
        IM_CHECK(!ctx->GetWindowByRef((std::string("//") + panel.name).c_str())->Active);
        ctx->MenuClick((std::string("//##MainMenuBar/View/") + panel.name).c_str());
        ctx->Yield(3);
        IM_CHECK(ctx->GetWindowByRef((std::string("//") + panel.name).c_str())->Active);
    }
}

void test_select_and_hide(ImGuiTestContext* ctx) {
    const ModelId second = model(ctx, 1).id;
    ctx->ItemClick(row(model(ctx, 1), ("##" + std::to_string(second)).c_str()).c_str());
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).selection.model, second);
    IM_CHECK_EQ(state_of(ctx).selected()->id, second);
    ctx->ItemClick(row(model(ctx, 1), "##shown").c_str());
    ctx->Yield(2);
    IM_CHECK(!model(ctx, 1).shown);
    ctx->ItemClick(row(model(ctx, 1), "##shown").c_str());
    ctx->Yield(2);
    IM_CHECK(model(ctx, 1).shown);
}

void test_broken_file(ImGuiTestContext* ctx) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_text(folder / "config.json", R"({"model_type": "gpt2"})");
    fixtures::write_text(folder / "model.safetensors", "not a header at all");
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_O);
    ctx->Yield(2);
    ctx->ItemClick("//Open a model/##model");
    ctx->KeyCharsReplaceEnter(folder.path().string().c_str());
    IM_CHECK(
        until(ctx, [&] { return state_of(ctx).models.size() == 3 && model(ctx, 2).stage == Stage::failed; }));
    IM_CHECK(model(ctx, 2).error.find("model.safetensors") != std::string::npos);
    IM_CHECK(state_of(ctx).log.back().level == LogLine::Level::error);
    for (const std::size_t place : {0u, 1u}) IM_CHECK(model(ctx, place).stage == Stage::done);
    ctx->ItemClick(row(model(ctx, 2), "Try again").c_str());
    IM_CHECK(until(
        ctx, [&] { return model(ctx, 2).stage == Stage::failed && !explorer_of(ctx)->controller().busy(); }));
    ctx->ItemClick(row(model(ctx, 2), "Close").c_str());
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
}

void test_drop(ImGuiTestContext* ctx) {
    const fixtures::TemporaryFolder folder;
    const std::string first = (folder / "one").string(), second = "file://" + (folder / "two").string();
    IM_CHECK(drop({first, second}));
    IM_CHECK(
        until(ctx, [&] { return state_of(ctx).models.size() == 4 && model(ctx, 3).stage == Stage::failed; }));
    IM_CHECK_STR_EQ(model(ctx, 2).model.c_str(), first.c_str());
    IM_CHECK_STR_EQ(model(ctx, 3).model.c_str(), (folder / "two").c_str());
    for (const std::size_t place : {3u, 2u})
        explorer_of(ctx)->intents().emit(CloseIntent{model(ctx, place).id});
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).models.size(), std::size_t{2});
}

void test_settings_window(ImGuiTestContext* ctx) {
    ctx->ItemClick((std::string(toolbar) + "/Settings…").c_str());
    ctx->Yield(2);
    IM_CHECK(state_of(ctx).view.show_settings);
    ctx->ItemClick("//Run settings/settings/f64");
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).settings.precisions.size(), std::size_t{2});
    ctx->ItemClick("//Run settings/settings/f64");
    ctx->Yield(2);
    ctx->ItemClick("//Run settings/settings/f32");  // the last one cannot be taken away
    ctx->Yield(2);
    IM_CHECK_EQ(state_of(ctx).settings.precisions.size(), std::size_t{1});
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_settings);
}

void test_themes_and_text(ImGuiTestContext* ctx) {
    const float size = ImGui::GetStyle().FontScaleMain;
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_Equal);
    ctx->Yield(3);
    IM_CHECK_GT(ImGui::GetStyle().FontScaleMain, size);
    ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_0);
    ctx->Yield(3);
    for (const ThemeKind kind : {ThemeKind::light, ThemeKind::projector, ThemeKind::dark}) {
        explorer_of(ctx)->intents().view([kind](ViewState& view) { view.theme = kind; });
        ctx->Yield(3);
        IM_CHECK(state_of(ctx).view.theme == kind);
    }
    IM_CHECK_EQ(ImGui::GetStyle().FontScaleMain, size);
}

void test_help_and_about(ImGuiTestContext* ctx) {
    ctx->KeyPress(ImGuiKey_F1);
    ctx->Yield(2);
    IM_CHECK(ctx->GetWindowByRef("//Help")->Active);
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_help);
    ctx->MenuClick("//##MainMenuBar/Help/About deadscope");
    ctx->Yield(2);
    IM_CHECK(ctx->GetWindowByRef("//About deadscope")->Active);
    ctx->KeyPress(ImGuiKey_Escape);
    ctx->Yield(2);
    IM_CHECK(!state_of(ctx).view.show_about);
}

// Last: with a pass at work the window still ends at once, which main.cpp's end shows by coming.
void test_quit_is_asked(ImGuiTestContext* ctx) {
    set_tokens(ctx, 60000, Precision::f64);
    explorer_of(ctx)->intents().emit(RunIntent{});
    IM_CHECK(until(ctx, [&] { return model(ctx, 0).stage == Stage::running; }));
    IM_CHECK(!explorer_of(ctx)->controller().quit_asked());
}

struct Named {
    const char* name;
    void (*run)(ImGuiTestContext*);
};
constexpr std::array tests{
    Named{"first window: every panel has room, every model is read", test_first_window},
    Named{"open a built-in model and close it", test_open_built_in},
    Named{"run, watch progress, cancel, run again", test_run_progress_cancel},
    Named{"unchanged, nothing is made twice", test_nothing_is_made_twice},
    Named{"every panel closes and returns", test_panels_close_and_return},
    Named{"select a model, hide it, show it", test_select_and_hide},
    Named{"a broken file explains, the others stay", test_broken_file},
    Named{"two paths dropped on the window", test_drop},
    Named{"run settings", test_settings_window},
    Named{"themes and text size", test_themes_and_text},
    Named{"help and about", test_help_and_about},
    Named{"leaving with a pass at work", test_quit_is_asked},
};

}  // namespace

void register_explorer_tests(ImGuiTestEngine* engine, Explorer& explorer) {
    register_opening_tests(engine, explorer);
    register_hub_tests(engine, explorer);
    for (const Named& named : tests) {
        ImGuiTest* test = ImGuiTestEngine_RegisterTest(engine, "explorer", named.name, __FILE__, __LINE__);
        test->UserData = &explorer;
        test->TestFunc = named.run;
    }
}

int explorer_test_count() {
    return static_cast<int>(tests.size()) + opening_test_count() + hub_test_count();
}

}  // namespace deadscope

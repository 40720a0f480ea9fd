// Runs the explorer in a window (Xvfb in ctest; in memory where no display is announced) under Dear ImGui's
// test engine and ends with the number of tests that failed. The tests themselves are in explorer_tests.cpp.
#include <hello_imgui/hello_imgui.h>
#include <imgui_test_engine/imgui_te_engine.h>

#include <cstdio>
#include <exception>

#include "app/explorer.h"
#include "app/offscreen.h"
#include "tests/app/window/explorer_tests.h"

namespace {

using deadscope::Explorer;

// filter: part of a test's name or its group's; null: all.
ImGuiTestEngineResultSummary run(Explorer& explorer, const char* filter) {
    ImGuiTestEngineResultSummary summary;
    HelloImGui::RunnerParams params;
    explorer.configure(params);
    params.useImGuiTestEngine = true;
    params.fpsIdling.enableIdling = false;
    params.fpsIdling.vsyncToMonitor = false;
    params.callbacks.RegisterTests = [&] {
        ImGuiTestEngine* engine = HelloImGui::GetImGuiTestEngine();
        ImGuiTestEngineIO& io = ImGuiTestEngine_GetIO(engine);
        io.ConfigRunSpeed = ImGuiTestRunSpeed_Fast;
        io.ConfigNoThrottle = true;
        io.ConfigLogToTTY = true;
        io.ConfigVerboseLevel = ImGuiTestVerboseLevel_Warning;
        io.ConfigWatchdogKillTest = 300.f;  // seconds; sanitizers and busy machines included
        deadscope::register_explorer_tests(engine, explorer);
        ImGuiTestEngine_QueueTests(engine, ImGuiTestGroup_Tests, filter,
                                   ImGuiTestRunFlags_RunFromCommandLine);
    };
    params.callbacks.PostNewFrame = [&] {
        ImGuiTestEngine* engine = HelloImGui::GetImGuiTestEngine();
        if (!params.callbacks.registerTestsCalled || !ImGuiTestEngine_IsTestQueueEmpty(engine)) return;
        ImGuiTestEngine_GetResultSummary(engine, &summary);
        params.appShallExit = true;
    };
    HelloImGui::Run(params);
    return summary;
}

}  // namespace

int main(int argc, char** argv) {
    const char* const filter = argc > 1 ? argv[1] : nullptr;
    try {
        if (deadscope::display_announced()) {
            deadscope::prepare_display();
        } else {
            deadscope::prepare_for_pictures();
        }
        deadscope::ReadingSettings settings;
        settings.input.tokens = 192;
        settings.inits = {deadscope::Init::trained, deadscope::Init::random};
        Explorer explorer({.models = {"zoo:gpt-layernorm", "zoo:gpt-rmsnorm"},
                           .settings = settings,
                           .theme = {},
                           .remember = false,
                           .only_panel = {}});
        const ImGuiTestEngineResultSummary summary = run(explorer, filter);
        std::printf("%d window tests, %d passed\n", summary.CountTested, summary.CountSuccess);
        const bool all_ran = filter != nullptr || summary.CountTested == deadscope::explorer_test_count();
        return all_ran && summary.CountSuccess == summary.CountTested ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

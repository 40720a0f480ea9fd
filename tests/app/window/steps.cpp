// See steps.h.
#include "tests/app/window/steps.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <hello_imgui/hello_imgui.h>
#include <imgui_internal.h>
#include <imgui_test_engine/imgui_te_context.h>
#include <imgui_test_engine/imgui_te_engine.h>

#include <chrono>

namespace deadscope {

Explorer* explorer_of(ImGuiTestContext* ctx) {
    return static_cast<Explorer*>(ctx->Test->UserData);
}

const ExplorerState& state_of(ImGuiTestContext* ctx) {
    return explorer_of(ctx)->controller().state();
}

const OpenModel& model(ImGuiTestContext* ctx, std::size_t place) {
    return state_of(ctx).models.at(place);
}

std::string row(const OpenModel& one, const char* item) {
    return "//Models/$$" + std::to_string(one.id) + "/" + item;
}

bool until(ImGuiTestContext* ctx, const std::function<bool()>& there) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < end) {
        if (there()) return true;
        ctx->Yield();
    }
    return false;
}

bool idle(ImGuiTestContext* ctx) {
    const bool reached = until(ctx, [&] { return !explorer_of(ctx)->controller().busy(); });
    ctx->Yield(2);  // the last deliveries are taken over
    return reached;
}

bool drop(const std::vector<std::string>& paths) {
    std::vector<const char*> names;
    for (const std::string& path : paths) names.push_back(path.c_str());
    auto* window = static_cast<GLFWwindow*>(HelloImGui::GetRunnerParams()->backendPointers.glfwWindow);
    const GLFWdropfun dropped = glfwSetDropCallback(window, nullptr);
    glfwSetDropCallback(window, dropped);
    if (dropped == nullptr) return false;
    dropped(window, static_cast<int>(names.size()), names.data());
    return true;
}

}  // namespace deadscope

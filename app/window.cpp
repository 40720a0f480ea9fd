// The explorer on a display, and the explorer as a picture; see window.h.
#include "app/window.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <glad/glad.h>
#include <hello_imgui/hello_imgui.h>
#include <imgui.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <thread>

#include "app/explorer.h"
#include "app/offscreen.h"
#include "app/panels/panels.h"
#include "app/png.h"
#include "app/theme.h"
#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/thread_priority.h"
#include "core/base/version.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {
namespace {

constexpr int smallest_side = 64, largest_side = 8192;  // pixels; what any OpenGL 3.3 renderbuffer can be
// Frames until windows have found their sizes, and frames without news after which the picture is settled.
constexpr int first_frames = 8, settled_frames = 4;
constexpr std::size_t most_frame_times = 1u << 20;  // hours at a display's rate

void check(const SnapshotOptions& options) {
    const auto known = [&](const PanelInfo& panel) { return options.panel == panel.slug; };
    if (options.panel != "window" && std::ranges::none_of(panels(), known)) {
        std::string names = "window";
        for (const PanelInfo& panel : panels()) names += std::string(", ") + panel.slug;
        throw Error::usage("there is no such panel",
                           {.key = "--panel", .expected = names, .found = options.panel});
    }
    const auto fits = [](int side) { return side >= smallest_side && side <= largest_side; };
    if (!fits(options.width) || !fits(options.height) || !(options.scale >= 0.25f && options.scale <= 8.f)) {
        throw Error::usage("a picture of this size cannot be drawn",
                           {.key = "--size",
                            .expected = "64 to 8192 pixels a side, scale 0.25 to 8",
                            .found = std::to_string(options.width) + "x" + std::to_string(options.height)});
    }
}

void finish_jobs(Controller& controller) {
    using namespace std::chrono_literals;
    while (!controller.update()) std::this_thread::sleep_for(5ms);
}

// The picture is wanted of every model: one that does not open or cannot be read is an error of the command.
void rethrow_failures(const Controller& controller) {
    for (const OpenModel& model : controller.state().models) {
        if (const std::exception_ptr failure = controller.failure(model.id)) std::rethrow_exception(failure);
    }
}

std::vector<PngText> provenance(const SnapshotOptions& options) {
    std::string models;
    for (const std::string& model : options.models) models += (models.empty() ? "" : ", ") + model;
    return {{"Software", std::string("deadscope ") + version},
            {"Title", options.panel},
            {"Source", models},
            {"Comment", "seed " + std::to_string(options.settings.seed)}};
}

void save_frame_times(const std::string& path, const FrameTimes& times) {
    std::ostringstream text;
    write_frame_times(text, times);
    OutputFile file(path);
    file.write(text.str());
    file.commit();
}

// A pass that does not stop yet would be waited for; nothing that it does is kept.
[[noreturn]] void leave_at_once() {
    std::fflush(nullptr);
    std::_Exit(0);
}

// Draws the explorer's frames into `target` until nothing is new, and keeps the last.
class Photographer {
public:
    Photographer(const SnapshotOptions& options, Explorer& explorer)
        : options_(options), explorer_(explorer) {}

    void configure(HelloImGui::RunnerParams& params) {
        params.appWindowParams.hidden = true;
        params.appWindowParams.windowGeometry.size = {options_.width, options_.height};
        params.dpiAwareParams.dpiWindowSizeFactor = 1.f;
        params.fpsIdling.enableIdling = false;
        params.fpsIdling.vsyncToMonitor = false;
        params.fpsIdling.fpsMax = 60.f;  // block spectra asked for by a panel arrive meanwhile
        auto& callbacks = params.callbacks;
        callbacks.PostInit = [this, &params, before = callbacks.PostInit] {
            before();
            // The runner keeps windows within the monitor; the picture has the size that was asked for.
            glfwSetWindowSize(static_cast<GLFWwindow*>(params.backendPointers.glfwWindow), options_.width,
                              options_.height);
            target_.emplace(options_.width, options_.height);
        };
        callbacks.CustomBackground = [this] {
            const ImVec4 ground = theme().ground;
            target_->bind();
            glViewport(0, 0, options_.width, options_.height);
            glClearColor(ground.x, ground.y, ground.z, 1.f);
            glClear(GL_COLOR_BUFFER_BIT);
        };
        callbacks.BeforeSwap = [this, &params] {
            ++frames_;
            quiet_frames_ = explorer_.controller().busy() ? 0 : quiet_frames_ + 1;
            if (frames_ >= first_frames && quiet_frames_ >= settled_frames) {
                picture_ = target_->pixels();
                params.appShallExit = true;
            }
            target_->release();
        };
        callbacks.BeforeExit = [this, before = callbacks.BeforeExit] {
            target_.reset();
            before();
        };
    }

    const std::vector<unsigned char>& picture() const { return picture_; }

private:
    const SnapshotOptions& options_;
    Explorer& explorer_;
    std::optional<OffscreenTarget> target_;
    std::vector<unsigned char> picture_;  // [height, width, 3]
    int frames_ = 0, quiet_frames_ = 0;
};

}  // namespace

bool display_available() {
    return display_announced();
}

int run_window(const WindowOptions& options) {
    make_others_give_way();  // before OpenGL starts threads of its own, which draw
    prepare_display();
    Explorer explorer({.models = options.models.empty() ? built_in_models() : options.models,
                       .settings = options.settings,
                       .theme = options.theme,
                       .only_panel = {},
                       .width = options.width,
                       .height = options.height,
                       .watched = true,
                       .kept_frames = options.frame_times.empty() ? 600 : most_frame_times});
    HelloImGui::RunnerParams params;
    explorer.configure(params);
    HelloImGui::Run(params);
    if (!options.frame_times.empty()) save_frame_times(options.frame_times, explorer.frame_times());
    if (!explorer.controller().stop()) leave_at_once();
    return 0;
}

void snapshot(const SnapshotOptions& options) {
    check(options);
    prepare_for_pictures();
    Explorer explorer({.models = options.models.empty() ? built_in_models() : options.models,
                       .settings = options.settings,
                       .theme = options.theme,
                       .remember = false,
                       .only_panel = options.panel == "window" ? "" : options.panel,
                       .width = options.width,
                       .height = options.height,
                       .scale = options.scale});
    explorer.controller().view().motion = false;
    finish_jobs(explorer.controller());
    rethrow_failures(explorer.controller());

    Photographer photographer(options, explorer);
    HelloImGui::RunnerParams params;
    explorer.configure(params);
    photographer.configure(params);
    HelloImGui::Run(params);
    write_png(options.out, photographer.picture(), options.width, options.height, provenance(options));
}

}  // namespace deadscope

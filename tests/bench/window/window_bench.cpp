// Frame times of the explorer under load: eight models open, every panel shown, a pass at work on every core
// and a wide reading growing block by block. Drawn off-screen; what is timed is the window's thread's own
// work (app/frame_times.h), not the software rasteriser. Prints one row a scene: median, p99 and worst.
//   deadscope_bench_window [--frames N] [--size WxH] [--theme dark|light|projector] [--scene NAME] [--out
//   DIR]
//                          [--json]
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <glad/glad.h>
#include <hello_imgui/hello_imgui.h>

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "app/explorer.h"
#include "app/offscreen.h"
#include "app/png.h"
#include "app/theme.h"
#include "core/base/thread_priority.h"
#include "tests/bench/window/options.h"
#include "tests/bench/window/scenes.h"

namespace deadscope {
namespace {

constexpr int first_frames = 30;  // windows find their sizes, glyphs come into the atlas

// Runs the scenes one after the other in one window and keeps what its frames took.
class Bench {
public:
    Bench(const BenchOptions& options, Explorer& explorer)
        : options_(options), explorer_(explorer), scenes_(chosen_scenes(options)) {}

    void configure(HelloImGui::RunnerParams& params) {
        params.appWindowParams.hidden = true;
        params.dpiAwareParams.dpiWindowSizeFactor = 1.f;
        params.fpsIdling.enableIdling = false;
        params.fpsIdling.vsyncToMonitor = false;
        auto& callbacks = params.callbacks;
        callbacks.PostInit = [this, &params, before = callbacks.PostInit] {
            before();
            glfwSetWindowSize(static_cast<GLFWwindow*>(params.backendPointers.glfwWindow), options_.width,
                              options_.height);
            target_.emplace(options_.width, options_.height);
            load_.begin(explorer_);
            scenes_[scene_].begin(explorer_);
        };
        callbacks.PreNewFrame = [this, before = callbacks.PreNewFrame] {
            if (frame_ >= 0) scenes_[scene_].step(explorer_, frame_);
            load_.step(explorer_, scenes_[scene_].at_work);
            before();
        };
        callbacks.CustomBackground = [this] {
            const ImVec4 ground = theme().ground;
            target_->bind();
            glViewport(0, 0, options_.width, options_.height);
            glClearColor(ground.x, ground.y, ground.z, 1.f);
            glClear(GL_COLOR_BUFFER_BIT);
        };
        callbacks.BeforeSwap = [this, &params] { after_frame(params); };
        callbacks.BeforeExit = [this, before = callbacks.BeforeExit] {
            target_.reset();
            before();
        };
    }

    const nlohmann::json& rows() const { return rows_; }

private:
    void after_frame(HelloImGui::RunnerParams& params) {
        glFinish();  // the rasteriser's work stays out of the next frame
        const Scene& scene = scenes_[scene_];
        if (frame_ >= 0) times_.push_back(explorer_.frame_times().last().back());
        if (++frame_ == options_.frames) {
            report(scene);
            frame_ = -first_frames;
            times_.clear();
            if (scene_ + 1 == scenes_.size()) {
                params.appShallExit = true;
                load_.end(explorer_);
            } else {
                scenes_[++scene_].begin(explorer_);
            }
        }
        target_->release();
    }

    void report(const Scene& scene) {
        std::vector<double> cpu, wall;
        for (const FrameTime& time : times_) {
            cpu.push_back(time.cpu_s);
            wall.push_back(time.wall_s);
        }
        const FrameSummary own = summary_of(cpu), clock = summary_of(wall);
        if (options_.json) {
            rows_.push_back({{"scene", scene.words},
                             {"frames", own.frames},
                             {"median_s", own.median_s},
                             {"p99_s", own.p99_s},
                             {"worst_s", own.worst_s},
                             {"wall_median_s", clock.median_s},
                             {"wall_worst_s", clock.worst_s}});
        } else {
            std::printf("| %s | %zu | %.2f | %.2f | %.2f | %.2f | %.2f |\n", scene.words, own.frames,
                        own.median_s * 1e3, own.p99_s * 1e3, own.worst_s * 1e3, clock.median_s * 1e3,
                        clock.worst_s * 1e3);
        }
        std::fflush(stdout);
        if (options_.out.empty()) return;
        write_png(options_.out + "/" + scene.name + ".png", target_->pixels(), options_.width,
                  options_.height, {{"Title", scene.name}});
    }

    const BenchOptions& options_;
    Explorer& explorer_;
    std::vector<Scene> scenes_;
    Load load_;
    std::optional<OffscreenTarget> target_;
    std::vector<FrameTime> times_;
    nlohmann::json rows_ = nlohmann::json::array();
    std::size_t scene_ = 0;
    int frame_ = -first_frames;
};

void print_head(const BenchOptions& options) {
    std::printf(
        "\nThe window's own work a frame, %d x %d, 8 models, milliseconds. CPU time of its thread; wall "
        "time beside it, which other programs and the pass itself lengthen.\n\n"
        "| scene | frames | median | p99 | worst | median, wall | worst, wall |\n"
        "|---|---|---|---|---|---|---|\n",
        options.width, options.height);
}

int run(const BenchOptions& options) {
    make_others_give_way();
    prepare_for_pictures();
    ReadingSettings settings;
    settings.input.tokens = 192;
    settings.inits = {Init::trained, Init::random};
    Explorer explorer({.models = {"zoo:gpt-layernorm", "zoo:gpt-rmsnorm", "zoo:vit-layernorm"},
                       .settings = settings,
                       .theme = options.theme,
                       .remember = false,
                       .only_panel = {},
                       .width = options.width,
                       .height = options.height,
                       .watched = true});
    Bench bench(options, explorer);
    HelloImGui::RunnerParams params;
    explorer.configure(params);
    bench.configure(params);
    if (!options.json) print_head(options);
    HelloImGui::Run(params);
    if (options.json) std::printf("%s\n", bench.rows().dump(1).c_str());
    return 0;
}

}  // namespace
}  // namespace deadscope

int main(int argc, char** argv) {
    try {
        return deadscope::run(deadscope::parse_bench_options(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

// How the explorer is set up and what happens in a frame; menus, toolbar and shortcuts are in chrome.cpp.
#include "app/explorer.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <hello_imgui/hello_imgui.h>
#include <imgui.h>
#include <imgui_internal.h>  // context hooks
#include <implot.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "app/dialogs/hub_dialog.h"
#include "app/dialogs/open_dialog.h"
#include "app/dialogs/read_dialog.h"
#include "app/fonts.h"
#include "app/panels/panels.h"
#include "app/remembered.h"
#include "app/scene/heatmap.h"
#include "app/theme.h"

namespace deadscope {
namespace {

// While jobs are at work the window polls them at this rate; otherwise a worker or the person wakes it, and
// the slow rate only refreshes the memory shown.
constexpr float busy_fps = 20.f, idle_fps = 0.25f;
constexpr int frames_a_summary = 32;          // of the frame times shown in Jobs
constexpr float active_after_event_s = 0.8f;  // hover delays and scrolling settle within it

const PanelInfo* find_panel(const std::string& slug) {
    const auto found = std::ranges::find(panels(), slug, &PanelInfo::slug);
    return found == panels().end() ? nullptr : &*found;
}

std::string plain_path(std::string path) {
    if (path.starts_with("file://")) path = path.substr(7);
    if (const char* home = std::getenv("HOME"); home != nullptr && path.starts_with("~/"))
        path = home + path.substr(1);
    return path;
}

}  // namespace

std::vector<std::string> built_in_models() {
    std::vector<std::string> names;
    for (const ZooModel& model : zoo_models()) names.push_back("zoo:" + model.name);
    return names;
}

Explorer::Explorer(ExplorerOptions options)
    : options_(std::move(options)),
      controller_({.settings = options_.settings,
                   .wake = [] { HelloImGui::RequestRefresh(); },
                   .window = options_.watched}),
      open_dialog_(std::make_unique<OpenDialog>()),
      hub_dialog_(std::make_unique<HubDialog>()),
      read_dialog_(std::make_unique<ReadDialog>()),
      panel_was_open_(panels().size(), true) {
    if (options_.remember) load_view(controller_.view());
    if (options_.theme) controller_.view().theme = *options_.theme;
    for (const std::string& model : options_.models) intents_.emit(OpenIntent{plain_path(model)});
    controller_.apply(intents_.take());
}

Explorer::~Explorer() = default;

void Explorer::open(const std::string& model) {
    std::string name = plain_path(model);
    if (is_activations_name(name)) return show_read_dialog(name, intents_);
    if (!name.empty()) intents_.emit(OpenIntent{std::move(name)});
}

void Explorer::configure(HelloImGui::RunnerParams& params) {
    params_ = &params;
    params.platformBackendType = HelloImGui::PlatformBackendType::Glfw;
    params.rendererBackendType = HelloImGui::RendererBackendType::OpenGL3;
    auto& gl = params.rendererBackendOptions.openGlOptions;
    gl.GlslVersion = "330";
    gl.MajorVersion = gl.MinorVersion = 3;
    gl.UseCoreProfile = gl.UseForwardCompat = true;
    gl.AntiAliasingSamples = 0;  // ImGui smooths its own edges

    params.appWindowParams.windowTitle = "deadscope";
    params.appWindowParams.windowGeometry.size = {options_.width, options_.height};
    params.appWindowParams.restorePreviousGeometry = options_.remember;
    params.iniDisable = !options_.remember;
    if (options_.remember) {
        params.iniFolderType = HelloImGui::IniFolderType::AbsolutePath;
        params.iniFilename = settings_folder() + "/layout.ini";
    }
    params.fpsIdling.timeActiveAfterLastEvent = active_after_event_s;
    params.fpsIdling.fpsIdle = busy_fps;

    auto& callbacks = params.callbacks;
    callbacks.LoadAdditionalFonts = [] { load_fonts(); };
    callbacks.SetupImGuiConfig = [] {
        ImGuiIO& io = ImGui::GetIO();
        io.ConfigFlags |= ImGuiConfigFlags_DockingEnable | ImGuiConfigFlags_NavEnableKeyboard;
        io.ConfigWindowsMoveFromTitleBarOnly = true;
    };
    callbacks.SetupImGuiStyle = [this] { follow_theme(); };
    callbacks.PostInit = [this] {
        ImPlot::CreateContext();
        time_frames();
    };
    callbacks.PostInit_AddPlatformBackendCallbacks = [this] { receive_drops(); };
    callbacks.PreNewFrame = [this] { before_frame(); };
    callbacks.BeforeExit = [this] {
        save_view();
        release_scene();  // while the context is there
        ImPlot::DestroyContext();
    };
    lay_out(params);
}

void Explorer::lay_out(HelloImGui::RunnerParams& params) {
    using HelloImGui::DockingSplit;
    auto& window = params.imGuiWindowParams;
    if (!options_.only_panel.empty()) {
        window.defaultImGuiWindowType = HelloImGui::DefaultImGuiWindowType::NoDefaultWindow;
        params.callbacks.ShowGui = [this] { draw_single_panel(); };
        return;
    }
    window.defaultImGuiWindowType = HelloImGui::DefaultImGuiWindowType::ProvideFullScreenDockSpace;
    window.showMenuBar = true;
    window.showMenu_App = window.showMenu_View = false;  // ours instead
    window.rememberTheme = false;
    params.callbacks.ShowMenus = [this] { draw_menus(); };
    params.callbacks.ShowGui = [this] { draw_chrome(); };
    HelloImGui::EdgeToolbarOptions toolbar;
    toolbar.sizeEm = 2.5f;
    params.callbacks.AddEdgeToolbar(
        HelloImGui::EdgeToolbarType::Top, [this] { draw_toolbar(); }, toolbar);

    // Explore at 1280 x 800: what is open and at work on the left, the evidence in the middle, the verdict on
    // the right.
    auto& docking = params.dockingParams;
    docking.layoutName = "Explore";
    docking.mainDockSpaceNodeFlags = ImGuiDockNodeFlags_None;
    docking.dockingSplits = {
        DockingSplit{"MainDockSpace", "Left", ImGuiDir_Left, 0.20f},
        DockingSplit{"MainDockSpace", "Right", ImGuiDir_Right, 0.28f},
        DockingSplit{"Left", "LeftBottom", ImGuiDir_Down, 0.40f},
        DockingSplit{"MainDockSpace", "CentreBottomLeft", ImGuiDir_Down, 0.5f},
        DockingSplit{"MainDockSpace", "CentreTopRight", ImGuiDir_Right, 0.5f},
        DockingSplit{"CentreBottomLeft", "CentreBottomRight", ImGuiDir_Right, 0.5f},
    };
    for (const PanelInfo& panel : panels()) {
        HelloImGui::DockableWindow docked;
        docked.label = panel.name;
        docked.dockSpaceName = panel.dock;
        docked.rememberIsVisible = false;  // the view state holds it
        docked.imGuiWindowFlags = ImGuiWindowFlags_NoCollapse;
        docked.GuiFunction = [this, &panel] { panel.draw(controller_.state(), intents_); };
        docking.dockableWindows.push_back(docked);
    }
}

void Explorer::receive_drops() {
    auto* window = static_cast<GLFWwindow*>(params_->backendPointers.glfwWindow);
    glfwSetWindowUserPointer(window, this);
    glfwSetDropCallback(window, [](GLFWwindow* target, int count, const char** paths) {
        auto* self = static_cast<Explorer*>(glfwGetWindowUserPointer(target));
        for (int i = 0; i < count; ++i) self->take_drop(paths[i]);
        HelloImGui::RequestRefresh();
    });
}

// With the dialog that reads activations open, a drop is for it: its file first, then γ.
void Explorer::take_drop(const std::string& path) {
    const ViewState& view = controller_.state().view;
    if (!view.show_read_dialog) return open(path);
    if (view.read_form.file.empty() || is_activations_name(path))
        return show_read_dialog(plain_path(path), intents_);
    intents_.view([path = plain_path(path)](ViewState& changed) { changed.read_form.settings.gamma = path; });
}

// From before_frame() to the moment that ImGui's draw lists are complete.
void Explorer::time_frames() {
    ImGuiContextHook hook;
    hook.Type = ImGuiContextHookType_RenderPost;
    hook.Callback = [](ImGuiContext*, ImGuiContextHook* rendered) {
        static_cast<FrameTimes*>(rendered->UserData)->end();
    };
    hook.UserData = &frame_times_;
    ImGui::AddContextHook(ImGui::GetCurrentContext(), &hook);
}

void Explorer::before_frame() {
    frame_times_.begin();
    ++frames_;
    for (const std::string& model : open_dialog_->take_chosen()) open(model);
    controller_.apply(intents_.take());
    controller_.update();
    if (frames_ % frames_a_summary == 0) controller_.note_frames(frame_times_.cpu());
    follow_theme();
    if (options_.only_panel.empty()) follow_panel_windows();
    params_->fpsIdling.fpsIdle =
        controller_.busy() || open_dialog_->waiting() || read_dialog_->waiting() ? busy_fps : idle_fps;
    if (controller_.quit_asked()) params_->appShallExit = true;
}

void Explorer::follow_theme() {
    const ViewState& view = controller_.state().view;
    const float scale =
        std::max(0.5f, params_->dpiAwareParams.dpiWindowSizeFactor) * options_.scale * view.text_scale;
    // The runner scales the style itself in its first frames on dense displays; the theme does it alone.
    const bool settled = frames_ > 3;
    if (settled && applied_theme_ == view.theme && applied_scale_ == scale) return;
    apply_theme(view.theme, scale);
    params_->imGuiWindowParams.backgroundColor = theme().ground;
    applied_theme_ = view.theme;
    applied_scale_ = scale;
}

void Explorer::follow_panel_windows() {
    const ViewState& view = controller_.state().view;
    auto& windows = params_->dockingParams.dockableWindows;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        const auto found = view.panel_open.find(windows[i].label);
        const bool wanted = found == view.panel_open.end() || found->second;
        if (windows[i].isVisible != panel_was_open_[i]) {
            // Closed by its own button since the last frame.
            panel_was_open_[i] = windows[i].isVisible;
            intents_.view([name = windows[i].label, open = windows[i].isVisible](ViewState& state) {
                state.panel_open[name] = open;
            });
        } else {
            windows[i].isVisible = panel_was_open_[i] = wanted;
        }
    }
}

void Explorer::draw_single_panel() {
    const PanelInfo* panel = find_panel(options_.only_panel);
    if (panel == nullptr) return;
    ImGui::SetNextWindowPos({0, 0});
    ImGui::SetNextWindowSize(ImGui::GetIO().DisplaySize);
    constexpr auto flags = ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                           ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoDocking;
    ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0.f);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {16.f * theme().scale, 16.f * theme().scale});
    const bool visible = ImGui::Begin(panel->name, nullptr, flags);
    ImGui::PopStyleVar(2);  // not for the panel's own children
    if (visible) panel->draw(controller_.state(), intents_);
    ImGui::End();
}

void Explorer::toggle_full_screen() {
    auto* window = static_cast<GLFWwindow*>(params_->backendPointers.glfwWindow);
    if (before_full_screen_) {
        const Placement& p = *before_full_screen_;
        glfwSetWindowMonitor(window, nullptr, p.x, p.y, p.width, p.height, GLFW_DONT_CARE);
        before_full_screen_.reset();
        return;
    }
    GLFWmonitor* monitor = glfwGetPrimaryMonitor();
    const GLFWvidmode* mode = monitor == nullptr ? nullptr : glfwGetVideoMode(monitor);
    if (mode == nullptr) return;
    Placement& p = before_full_screen_.emplace();
    glfwGetWindowPos(window, &p.x, &p.y);
    glfwGetWindowSize(window, &p.width, &p.height);
    glfwSetWindowMonitor(window, monitor, 0, 0, mode->width, mode->height, mode->refreshRate);
}

void Explorer::save_view() const {
    if (options_.remember) deadscope::save_view(controller_.state().view);
}

}  // namespace deadscope

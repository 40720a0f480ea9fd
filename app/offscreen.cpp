// GLFW's platforms and a framebuffer object; see offscreen.h.
#include "app/offscreen.h"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <glad/glad.h>

#include <cstdlib>
#include <string>

#include "core/base/error.h"

namespace deadscope {
namespace {

bool announced(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

std::string last_glfw_error() {
    const char* words = nullptr;
    glfwGetError(&words);
    return words == nullptr ? "no reason given" : words;
}

// Empty where a window of this platform and context interface has OpenGL 3.3; else why not, with GLFW ended.
std::string try_surface(int platform, int context_interface) {
    glfwSetErrorCallback(nullptr);
    glfwInitHint(GLFW_PLATFORM, platform);
    if (glfwInit() == GLFW_FALSE) return last_glfw_error();
    glfwWindowHint(GLFW_VISIBLE, GLFW_FALSE);
    glfwWindowHint(GLFW_CONTEXT_CREATION_API, context_interface);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    if (GLFWwindow* proof = glfwCreateWindow(64, 64, "deadscope", nullptr, nullptr)) {
        glfwDestroyWindow(proof);
        return {};
    }
    std::string reason = last_glfw_error();
    glfwTerminate();
    return reason;
}

}  // namespace

bool display_announced() {
    return announced("DISPLAY") || announced("WAYLAND_DISPLAY");
}

void prepare_display() {
    const std::string reason = try_surface(GLFW_ANY_PLATFORM, GLFW_NATIVE_CONTEXT_API);
    if (reason.empty()) return;
    throw Error::resource(
        "no window with OpenGL 3.3 can be opened",
        {.expected = "a display with OpenGL 3.3, core profile",
         .found = reason,
         .hint = "on Debian or Ubuntu: apt-get install libgl1 libgl1-mesa-dri; every command of deadscope "
                 "works without a window"});
}

void prepare_for_pictures() {
    // EGL alone: the OpenGL loader asks libGL for functions, and those of OSMesa are others.
    const std::string reason = try_surface(GLFW_PLATFORM_NULL, GLFW_EGL_CONTEXT_API);
    if (reason.empty()) return;
    if (display_announced() && try_surface(GLFW_ANY_PLATFORM, GLFW_NATIVE_CONTEXT_API).empty()) return;
    throw Error::resource("pictures cannot be drawn off-screen here",
                          {.expected = "OpenGL 3.3 through EGL, surfaceless",
                           .found = reason,
                           .hint = "on Debian or Ubuntu: apt-get install libegl1 libgl1 libgl1-mesa-dri"});
}

OffscreenTarget::OffscreenTarget(int width, int height) : width_(width), height_(height) {
    GLint previous = 0;
    glGetIntegerv(GL_FRAMEBUFFER_BINDING, &previous);
    glGenRenderbuffers(1, &colour_);
    glBindRenderbuffer(GL_RENDERBUFFER, colour_);
    glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, width, height);
    glGenFramebuffers(1, &framebuffer_);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, colour_);
    const bool complete = glCheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
    glBindFramebuffer(GL_FRAMEBUFFER, static_cast<GLuint>(previous));
    if (!complete) {
        throw Error::resource("OpenGL refuses a picture of this size",
                              {.found = std::to_string(width) + " x " + std::to_string(height) + " pixels"});
    }
}

OffscreenTarget::~OffscreenTarget() {
    glDeleteFramebuffers(1, &framebuffer_);
    glDeleteRenderbuffers(1, &colour_);
}

void OffscreenTarget::bind() const {
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
}

void OffscreenTarget::release() const {
    glBindFramebuffer(GL_FRAMEBUFFER, 0);
}

std::vector<unsigned char> OffscreenTarget::pixels() const {
    const auto row = static_cast<std::size_t>(width_) * 3;
    std::vector<unsigned char> bottom_up(row * static_cast<std::size_t>(height_)), top_down;
    glBindFramebuffer(GL_READ_FRAMEBUFFER, framebuffer_);
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
    glReadPixels(0, 0, width_, height_, GL_RGB, GL_UNSIGNED_BYTE, bottom_up.data());
    top_down.reserve(bottom_up.size());
    for (int y = height_ - 1; y >= 0; --y) {
        const auto begin = bottom_up.begin() + static_cast<std::ptrdiff_t>(row) * y;
        top_down.insert(top_down.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
    }
    return top_down;
}

}  // namespace deadscope

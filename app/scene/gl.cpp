// OpenGL objects as C++ objects; see gl.h.
#include "app/scene/gl.h"

#include <glad/glad.h>

#include <array>
#include <vector>

#include "core/base/assets.h"
#include "core/base/error.h"

namespace deadscope::gl {
namespace {

constexpr std::size_t log_limit = 600;  // characters of a driver's message that a person is shown

std::string compile_log(unsigned shader) {
    std::array<char, log_limit> text{};
    glGetShaderInfoLog(shader, static_cast<GLsizei>(text.size()), nullptr, text.data());
    return text.data();
}

unsigned compile(unsigned kind, const std::string& path) {
    const Asset* asset = find_asset(path);
    if (!asset) throw Error::resource("A shader is missing from the program", {.file = path});
    const std::string_view source = asset_text(*asset);
    const char* text = source.data();
    const GLint size = static_cast<GLint>(source.size());
    const unsigned shader = glCreateShader(kind);
    glShaderSource(shader, 1, &text, &size);
    glCompileShader(shader);
    GLint ok = GL_FALSE;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &ok);
    if (ok == GL_TRUE) return shader;
    const std::string log = compile_log(shader);
    glDeleteShader(shader);
    throw Error::resource("The graphics driver refused a shader",
                          {.file = path, .found = log, .hint = "OpenGL 3.3 is needed; update the driver"});
}

Texture empty_texture(int filter) {
    unsigned name = 0;
    glGenTextures(1, &name);
    glBindTexture(GL_TEXTURE_2D, name);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    return Texture(name);
}

// ImGui leaves its own alignment behind; rows of ours are not padded.
void upload(int internal, int width, int height, unsigned format, unsigned type, const void* data) {
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    glTexImage2D(GL_TEXTURE_2D, 0, internal, width, height, 0, format, type, data);
}

void set(unsigned capability, bool on) {
    if (on) {
        glEnable(capability);
    } else {
        glDisable(capability);
    }
}

}  // namespace

bool available() {
    return glad_glCreateShader != nullptr && GLAD_GL_VERSION_3_3 != 0;
}

void free_program(unsigned name) {
    glDeleteProgram(name);
}
void free_texture(unsigned name) {
    glDeleteTextures(1, &name);
}
void free_framebuffer(unsigned name) {
    glDeleteFramebuffers(1, &name);
}
void free_vertex_array(unsigned name) {
    glDeleteVertexArrays(1, &name);
}

Program make_program(const std::string& vertex_path, const std::string& fragment_path) {
    const unsigned vertex = compile(GL_VERTEX_SHADER, vertex_path);
    unsigned fragment = 0;
    try {
        fragment = compile(GL_FRAGMENT_SHADER, fragment_path);
    } catch (...) {
        glDeleteShader(vertex);
        throw;
    }
    Program program(glCreateProgram());
    glAttachShader(program.get(), vertex);
    glAttachShader(program.get(), fragment);
    glLinkProgram(program.get());
    glDeleteShader(vertex);
    glDeleteShader(fragment);
    GLint ok = GL_FALSE;
    glGetProgramiv(program.get(), GL_LINK_STATUS, &ok);
    if (ok != GL_TRUE) {
        std::array<char, log_limit> text{};
        glGetProgramInfoLog(program.get(), static_cast<GLsizei>(text.size()), nullptr, text.data());
        throw Error::resource("The graphics driver could not link a shader program",
                              {.file = fragment_path, .found = text.data()});
    }
    return program;
}

VertexArray make_vertex_array() {
    unsigned name = 0;
    glGenVertexArrays(1, &name);
    return VertexArray(name);
}

Texture make_float_texture(std::span<const float> values, std::size_t rows, std::size_t columns) {
    GLint most = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &most);
    if (rows > static_cast<std::size_t>(most) || columns > static_cast<std::size_t>(most)) {
        throw Error::resource("The values do not fit one texture of this machine",
                              {.expected = "at most " + std::to_string(most) + " a side",
                               .found = std::to_string(rows) + " x " + std::to_string(columns)});
    }
    Texture texture = empty_texture(GL_NEAREST);
    upload(GL_R32F, static_cast<int>(columns), static_cast<int>(rows), GL_RED, GL_FLOAT, values.data());
    return texture;
}

Texture make_ramp_texture(std::span<const unsigned char> rgb) {
    Texture texture = empty_texture(GL_LINEAR);
    upload(GL_RGB8, static_cast<int>(rgb.size() / 3), 1, GL_RGB, GL_UNSIGNED_BYTE, rgb.data());
    return texture;
}

void Target::resize(int width, int height) {
    if (width == width_ && height == height_ && framebuffer_) return;
    texture_ = empty_texture(GL_NEAREST);
    upload(GL_RGBA8, width, height, GL_RGBA, GL_UNSIGNED_BYTE, nullptr);
    unsigned name = 0;
    glGenFramebuffers(1, &name);
    framebuffer_ = Framebuffer(name);
    glBindFramebuffer(GL_FRAMEBUFFER, name);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture_.get(), 0);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE) {
        throw Error::resource("The graphics driver gave no picture to draw into");
    }
    width_ = width;
    height_ = height;
}

StateGuard::StateGuard() {
    glGetIntegerv(GL_FRAMEBUFFER_BINDING, &framebuffer_);
    glGetIntegerv(GL_CURRENT_PROGRAM, &program_);
    glGetIntegerv(GL_VERTEX_ARRAY_BINDING, &vertex_array_);
    glGetIntegerv(GL_ACTIVE_TEXTURE, &active_);
    glGetIntegerv(GL_VIEWPORT, viewport_);
    glActiveTexture(GL_TEXTURE0);
    glGetIntegerv(GL_TEXTURE_BINDING_2D, &texture_);
    blend_ = glIsEnabled(GL_BLEND) == GL_TRUE;
    scissor_ = glIsEnabled(GL_SCISSOR_TEST) == GL_TRUE;
    depth_ = glIsEnabled(GL_DEPTH_TEST) == GL_TRUE;
    cull_ = glIsEnabled(GL_CULL_FACE) == GL_TRUE;
    constexpr std::array<GLenum, 4> capabilities{GL_BLEND, GL_SCISSOR_TEST, GL_DEPTH_TEST, GL_CULL_FACE};
    for (const GLenum capability : capabilities) set(capability, false);
}

StateGuard::~StateGuard() {
    set(GL_BLEND, blend_);
    set(GL_SCISSOR_TEST, scissor_);
    set(GL_DEPTH_TEST, depth_);
    set(GL_CULL_FACE, cull_);
    glActiveTexture(GL_TEXTURE0);
    glBindTexture(GL_TEXTURE_2D, static_cast<unsigned>(texture_));
    glActiveTexture(static_cast<unsigned>(active_));
    glBindVertexArray(static_cast<unsigned>(vertex_array_));
    glUseProgram(static_cast<unsigned>(program_));
    glBindFramebuffer(GL_FRAMEBUFFER, static_cast<unsigned>(framebuffer_));
    glViewport(viewport_[0], viewport_[1], viewport_[2], viewport_[3]);
}

}  // namespace deadscope::gl

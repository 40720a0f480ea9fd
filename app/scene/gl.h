// OpenGL objects that clean up after themselves: program, texture, framebuffer, vertex array. What is drawn
// with them is left to the files beside this one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace deadscope::gl {

// Whether a context with OpenGL 3.3 is current here; without one nothing below may be called.
bool available();

// A name of OpenGL's, freed by Free. Thread rule: the thread of the context.
template <void (*Free)(unsigned)>
class Name {
public:
    Name() = default;
    explicit Name(unsigned name) : name_(name) {}
    Name(Name&& other) noexcept : name_(std::exchange(other.name_, 0u)) {}
    Name& operator=(Name&& other) noexcept {
        std::swap(name_, other.name_);
        return *this;
    }
    ~Name() {
        if (name_) Free(name_);
    }
    unsigned get() const { return name_; }
    explicit operator bool() const { return name_ != 0; }

private:
    unsigned name_ = 0;
};

void free_program(unsigned name);
void free_texture(unsigned name);
void free_framebuffer(unsigned name);
void free_vertex_array(unsigned name);
using Program = Name<free_program>;
using Texture = Name<free_texture>;
using Framebuffer = Name<free_framebuffer>;
using VertexArray = Name<free_vertex_array>;

// From the embedded shaders of these paths. Errors: resource, with the driver's own log, shortened.
Program make_program(const std::string& vertex_path, const std::string& fragment_path);
VertexArray make_vertex_array();

// values: [rows, columns], row-major. Texels are read one by one, unfiltered.
Texture make_float_texture(std::span<const float> values, std::size_t rows, std::size_t columns);
// rgb: [colours, 3], one row of colours, interpolated between.
Texture make_ramp_texture(std::span<const unsigned char> rgb);

// A colour picture that can be drawn into, and shown by ImGui.
// Thread rule: the thread of the context.
class Target {
public:
    void resize(int width, int height);  // nothing where the size is the same
    int width() const { return width_; }
    int height() const { return height_; }
    unsigned framebuffer() const { return framebuffer_.get(); }
    unsigned texture() const { return texture_.get(); }

private:
    Texture texture_;
    Framebuffer framebuffer_;
    int width_ = 0, height_ = 0;
};

// Puts back what a drawing into a Target changes of the context, so that ImGui's own state and an
// off-screen window's framebuffer survive it.
// Thread rule: the thread of the context.
class StateGuard {
public:
    StateGuard();
    ~StateGuard();
    StateGuard(const StateGuard&) = delete;
    StateGuard& operator=(const StateGuard&) = delete;

private:
    int framebuffer_ = 0, program_ = 0, vertex_array_ = 0, texture_ = 0, active_ = 0, viewport_[4] = {};
    bool blend_ = false, scissor_ = false, depth_ = false, cull_ = false;
};

}  // namespace deadscope::gl

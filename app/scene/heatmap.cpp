// The heatmap's textures, program and picture; see heatmap.h.
#include "app/scene/heatmap.h"

#include <glad/glad.h>

#include <cmath>
#include <limits>
#include <map>

#include "app/scene/gl.h"
#include "core/base/assets.h"
#include "core/base/error.h"

namespace deadscope {
namespace {

unsigned char hex_byte(std::string_view line, std::size_t at, const std::string& path) {
    int value = 0;
    for (const char c : line.substr(at, 2)) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) throw Error::resource("A colour map of the program is malformed", {.file = path});
        value = value * 16 + digit;
    }
    return static_cast<unsigned char>(value);
}

std::vector<unsigned char> read_table(const std::string& path) {
    const Asset* asset = find_asset(path);
    if (!asset) throw Error::resource("A colour map is missing from the program", {.file = path});
    std::vector<unsigned char> rgb;
    std::string_view text = asset_text(*asset);
    while (text.size() >= 6) {
        for (const std::size_t channel : {0u, 2u, 4u}) rgb.push_back(hex_byte(text, channel, path));
        text.remove_prefix(std::min<std::size_t>(7, text.size()));
    }
    constexpr std::size_t colours = 256;
    if (rgb.size() != colours * 3) {
        throw Error::resource(
            "A colour map of the program is malformed",
            {.file = path, .expected = "256 colours", .found = std::to_string(rgb.size() / 3)});
    }
    return rgb;
}

void set_colour(unsigned program, const char* name, const ImVec4& c) {
    glUniform4f(glGetUniformLocation(program, name), c.x, c.y, c.z, c.w);
}

// Never destroyed by itself: at exit there is no context to free anything in.
std::map<std::string, Heatmap>& kept() {
    static auto* heatmaps = new std::map<std::string, Heatmap>;
    return *heatmaps;
}

bool same_colour(const ImVec4& a, const ImVec4& b) {
    return a.x == b.x && a.y == b.y && a.z == b.z && a.w == b.w;
}

}  // namespace

const std::vector<unsigned char>& colour_table(ColourMap map) {
    static const std::vector<unsigned char> viridis = read_table("assets/colormaps/viridis.txt");
    static const std::vector<unsigned char> cividis = read_table("assets/colormaps/cividis.txt");
    return map == ColourMap::viridis ? viridis : cividis;
}

bool HeatmapLook::same(const HeatmapLook& o) const {
    return map == o.map && log_scale == o.log_scale && range == o.range && columns == o.columns &&
           rows == o.rows && width == o.width && height == o.height && hatch_period == o.hatch_period &&
           same_colour(zero, o.zero) && same_colour(hatch, o.hatch) && same_colour(invalid, o.invalid) &&
           same_colour(outside, o.outside);
}

struct Heatmap::Objects {
    gl::Program program = gl::make_program("shaders/heatmap.vert", "shaders/heatmap.frag");
    gl::VertexArray vertex_array = gl::make_vertex_array();
    std::array<gl::Texture, 2> ramps;
    gl::Texture values;
    gl::Target target;
};

Heatmap::Heatmap() = default;
Heatmap::~Heatmap() = default;
Heatmap::Heatmap(Heatmap&&) noexcept = default;
Heatmap& Heatmap::operator=(Heatmap&&) noexcept = default;

void Heatmap::set_values(std::span<const float> values, std::size_t rows, std::size_t columns) {
    const gl::StateGuard guard;
    if (!objects_) objects_ = std::make_unique<Objects>();
    objects_->values = gl::make_float_texture(values, rows, columns);
    shown_.reset();
}

ImTextureID Heatmap::draw(const HeatmapLook& look) {
    if (!objects_ || !objects_->values || look.width < 1 || look.height < 1) return ImTextureID_Invalid;
    Objects& o = *objects_;
    if (!shown_ || !shown_->same(look)) {
        const gl::StateGuard guard;
        o.target.resize(look.width, look.height);
        gl::Texture& ramp = o.ramps.at(static_cast<std::size_t>(look.map));
        if (!ramp) ramp = gl::make_ramp_texture(colour_table(look.map));
        glBindFramebuffer(GL_FRAMEBUFFER, o.target.framebuffer());
        glViewport(0, 0, look.width, look.height);
        const unsigned p = o.program.get();
        glUseProgram(p);
        const auto place = [p](const char* name) { return glGetUniformLocation(p, name); };
        glUniform1i(place("values"), 0);
        glUniform1i(place("ramp"), 1);
        glUniform4f(place("view"), static_cast<float>(look.columns.low), static_cast<float>(look.rows.low),
                    static_cast<float>(look.columns.high), static_cast<float>(look.rows.high));
        glUniform2f(place("target"), static_cast<float>(look.width), static_cast<float>(look.height));
        glUniform2f(place("range"), static_cast<float>(look.range.low), static_cast<float>(look.range.high));
        glUniform1i(place("log_scale"), look.log_scale ? 1 : 0);
        glUniform1f(place("hatch_period"), look.hatch_period);
        set_colour(p, "zero_colour", look.zero);
        set_colour(p, "hatch_colour", look.hatch);
        set_colour(p, "invalid_colour", look.invalid);
        set_colour(p, "outside_colour", look.outside);
        glActiveTexture(GL_TEXTURE1);
        int other_unit = 0;
        glGetIntegerv(GL_TEXTURE_BINDING_2D, &other_unit);
        glBindTexture(GL_TEXTURE_2D, ramp.get());
        glActiveTexture(GL_TEXTURE0);
        glBindTexture(GL_TEXTURE_2D, o.values.get());
        glBindVertexArray(o.vertex_array.get());
        glDrawArrays(GL_TRIANGLES, 0, 3);
        glActiveTexture(GL_TEXTURE1);
        glBindTexture(GL_TEXTURE_2D, static_cast<unsigned>(other_unit));
        shown_ = look;
        ++drawn_;
    }
    return static_cast<ImTextureID>(o.target.texture());
}

Heatmap& kept_heatmap(const std::string& name) {
    return kept()[name];
}

void release_scene() {
    kept().clear();
}

float texel(double value) {
    const float narrow = static_cast<float>(value);
    constexpr float least = std::numeric_limits<float>::min();
    if (value != 0.0 && std::abs(narrow) < least) return value < 0.0 ? -least : least;
    // Below absent_texel, which a value must not be mistaken for.
    if (std::isfinite(value) && std::abs(value) > 2.9e38) return value < 0.0 ? -2.9e38f : 2.9e38f;
    return narrow;
}

}  // namespace deadscope

// A heatmap [rows, columns] drawn by shaders/heatmap.frag from a float texture into a picture that ImGui
// shows. Values are uploaded when they change, the picture is drawn anew when anything it shows changes; an
// idle frame costs neither.
#pragma once

#include <imgui.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/plots/ticks.h"

namespace deadscope {

enum class ColourMap { viridis, cividis };

// [256, 3], the embedded table. Errors: a table that is missing or malformed.
const std::vector<unsigned char>& colour_table(ColourMap map);

struct HeatmapLook {
    ColourMap map = ColourMap::viridis;
    bool log_scale = true;
    Range range{0.1, 1.0};                    // of |value|
    Range columns{0.0, 1.0}, rows{0.0, 1.0};  // the part in view, rows downwards
    int width = 0, height = 0;                // framebuffer pixels
    ImVec4 zero{}, hatch{}, invalid{}, outside{};
    float hatch_period = 6.0f;  // framebuffer pixels

    bool same(const HeatmapLook& other) const;
};

// Thread rule: the thread of the context.
class Heatmap {
public:
    Heatmap();
    ~Heatmap();
    Heatmap(Heatmap&&) noexcept;
    Heatmap& operator=(Heatmap&&) noexcept;

    // values: [rows, columns], row-major. Errors: resource, larger than a texture may be.
    void set_values(std::span<const float> values, std::size_t rows, std::size_t columns);
    // The picture as ImGui takes it. Errors: resource, the driver's words.
    ImTextureID draw(const HeatmapLook& look);
    bool empty() const { return !objects_; }
    std::size_t drawn() const { return drawn_; }  // pictures drawn so far

private:
    struct Objects;
    std::unique_ptr<Objects> objects_;
    std::optional<HeatmapLook> shown_;
    std::size_t drawn_ = 0;
};

// A double as the texture holds it: what is not zero stays so, with its sign, however small.
float texel(double value);
constexpr float absent_texel = 3.0e38f;  // no value: a row narrower than the others

// The heatmap of this name, kept from frame to frame until release_scene().
Heatmap& kept_heatmap(const std::string& name);
// Frees every OpenGL object of the panels: call while the context is still current, before it goes.
void release_scene();

}  // namespace deadscope

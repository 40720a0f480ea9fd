// The look of look.md in one place: colours with a meaning, the model palette, type sizes, and how they are
// applied to ImGui, ImPlot. A panel asks here; it never names a colour or a size of its own.
#pragma once

#include <imgui.h>

#include <cstddef>

#include "app/state.h"

namespace deadscope {

enum class Meaning { predicted, measured, dead, kept, floor, undecided };

struct Theme {
    ThemeKind kind = ThemeKind::dark;
    ImVec4 ground, panel, border, text, quiet;
    float line = 2.f, grid = 1.f, marker = 6.f;  // px at scale 1, already scaled
    float scale = 1.f;                           // display × person × theme
    ImFont* body = nullptr;                      // DejaVu Sans
    ImFont* bold = nullptr;
    ImFont* mono = nullptr;  // DejaVu Sans Mono, numbers that are compared
};
const Theme& theme();
void apply_theme(ThemeKind kind, float scale);                   // sets ImGui and ImPlot styles
void set_theme_fonts(ImFont* body, ImFont* bold, ImFont* mono);  // once per ImGui context (fonts.h)
ImVec4 meaning_colour(Meaning meaning, float alpha = 1.f);
ImVec4 model_colour(std::size_t place, float alpha = 1.f);  // Okabe-Ito in look.md's order
bool model_dashed(std::size_t place);                       // places beyond the palette are dashed

// Type sizes of look.md: push_font(size) ... ImGui::PopFont(). Scaled by theme().scale.
enum class Type { body, small_print, finding, verdict };
void push_type(Type type);
void push_mono(Type type = Type::body);

}  // namespace deadscope

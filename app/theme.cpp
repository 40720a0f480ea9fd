// The values of look.md, and the only place that turns them into ImGui's and ImPlot's styles.
#include "app/theme.h"

#include <imgui.h>
#include <implot.h>

#include <array>

namespace deadscope {
namespace {

Theme current;

constexpr ImVec4 rgb(unsigned hex, float alpha = 1.f) {
    return {static_cast<float>((hex >> 16) & 0xFFu) / 255.f, static_cast<float>((hex >> 8) & 0xFFu) / 255.f,
            static_cast<float>(hex & 0xFFu) / 255.f, alpha};
}

constexpr ImVec4 faded(ImVec4 colour, float alpha) {
    return {colour.x, colour.y, colour.z, alpha};
}

constexpr ImVec4 mix(ImVec4 a, ImVec4 b, float t) {
    return {a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t, a.z + (b.z - a.z) * t, 1.f};
}

// Okabe-Ito in look.md's order.
constexpr std::array<unsigned, 6> model_palette{0x0072B2, 0xCC79A7, 0x009E73, 0xF0E442, 0x56B4E9, 0xE69F00};

// A projector's text is read from the back of the room.
constexpr float projector_factor = 1.5f;

void set_colours(ImGuiStyle& style, const Theme& t) {
    const ImVec4 raised = mix(t.panel, t.text, 0.08f), hovered = mix(t.panel, t.text, 0.15f);
    const ImVec4 active = mix(t.panel, t.text, 0.22f), accent = rgb(0x0072B2);
    const ImVec4 chosen = mix(t.panel, accent, 0.35f), clear{0, 0, 0, 0};
    ImVec4* c = style.Colors;
    c[ImGuiCol_Text] = c[ImGuiCol_InputTextCursor] = t.text;
    c[ImGuiCol_TextDisabled] = t.quiet;
    c[ImGuiCol_WindowBg] = c[ImGuiCol_PopupBg] = t.panel;
    c[ImGuiCol_ChildBg] = c[ImGuiCol_BorderShadow] = c[ImGuiCol_ScrollbarBg] = clear;
    c[ImGuiCol_Border] = c[ImGuiCol_Separator] = t.border;
    c[ImGuiCol_TableBorderStrong] = c[ImGuiCol_TableBorderLight] = c[ImGuiCol_TreeLines] = t.border;
    c[ImGuiCol_FrameBg] = c[ImGuiCol_Button] = c[ImGuiCol_TableHeaderBg] = raised;
    c[ImGuiCol_FrameBgHovered] = c[ImGuiCol_ButtonHovered] = hovered;
    c[ImGuiCol_FrameBgActive] = c[ImGuiCol_ButtonActive] = active;
    c[ImGuiCol_Header] = c[ImGuiCol_CheckboxSelectedBg] = chosen;
    c[ImGuiCol_HeaderHovered] = hovered;
    c[ImGuiCol_HeaderActive] = active;
    c[ImGuiCol_TitleBg] = c[ImGuiCol_TitleBgActive] = c[ImGuiCol_TitleBgCollapsed] = c[ImGuiCol_MenuBarBg] =
        t.ground;
    c[ImGuiCol_Tab] = c[ImGuiCol_TabDimmed] = c[ImGuiCol_DockingEmptyBg] = t.ground;
    c[ImGuiCol_TabSelected] = c[ImGuiCol_TabDimmedSelected] = t.panel;
    c[ImGuiCol_TabHovered] = hovered;
    c[ImGuiCol_TabSelectedOverline] = accent;
    c[ImGuiCol_TabDimmedSelectedOverline] = t.border;
    c[ImGuiCol_ScrollbarGrab] = mix(t.panel, t.text, 0.25f);
    c[ImGuiCol_ScrollbarGrabHovered] = c[ImGuiCol_ScrollbarGrabActive] = mix(t.panel, t.text, 0.4f);
    c[ImGuiCol_CheckMark] = c[ImGuiCol_SliderGrab] = c[ImGuiCol_SliderGrabActive] = t.text;
    c[ImGuiCol_SeparatorHovered] = c[ImGuiCol_SeparatorActive] = accent;
    c[ImGuiCol_ResizeGrip] = clear;
    c[ImGuiCol_ResizeGripHovered] = c[ImGuiCol_ResizeGripActive] = accent;
    c[ImGuiCol_DockingPreview] = faded(accent, 0.4f);
    c[ImGuiCol_PlotLines] = c[ImGuiCol_PlotHistogram] = rgb(0x56B4E9);
    c[ImGuiCol_PlotLinesHovered] = c[ImGuiCol_PlotHistogramHovered] = rgb(0xE69F00);
    c[ImGuiCol_TableRowBg] = clear;
    c[ImGuiCol_TableRowBgAlt] = faded(t.text, 0.03f);
    c[ImGuiCol_TextLink] = t.kind == ThemeKind::dark ? rgb(0x56B4E9) : accent;
    c[ImGuiCol_TextSelectedBg] = faded(accent, 0.5f);
    c[ImGuiCol_DragDropTarget] = c[ImGuiCol_NavCursor] = rgb(0x56B4E9);
    c[ImGuiCol_ModalWindowDimBg] = c[ImGuiCol_NavWindowingDimBg] = {0, 0, 0, 0.5f};
}

// Sizes at scale 1 on look.md's grid of 8 px.
void set_sizes(ImGuiStyle& style) {
    style.WindowPadding = {8, 8};
    style.FramePadding = {8, 4};
    style.ItemSpacing = {8, 6};
    style.ItemInnerSpacing = {6, 4};
    style.CellPadding = {6, 3};
    style.IndentSpacing = 16;
    style.ScrollbarSize = 12;
    style.GrabMinSize = 12;
    style.WindowRounding = style.ChildRounding = style.PopupRounding = style.FrameRounding = 6;
    style.ScrollbarRounding = style.GrabRounding = style.TabRounding = 6;
    style.WindowBorderSize = style.ChildBorderSize = style.PopupBorderSize = 1;
    style.FrameBorderSize = 0;
    style.TabBarOverlineSize = 2;
    style.TabCloseButtonMinWidthUnselected = style.TabCloseButtonMinWidthSelected = 0;
    style.DockingSeparatorSize = 4;
    style.WindowMenuButtonPosition = ImGuiDir_None;
    style.DockingNodeHasCloseButton = false;
    style.SeparatorTextBorderSize = 1;
    style.HoverDelayNormal = 0.4f;
}

void set_plot_style(const Theme& t) {
    ImPlotStyle& style = ImPlot::GetStyle();
    style = ImPlotStyle();
    const float s = t.scale;
    style.PlotMinSize = {80 * s, 60 * s};
    style.PlotPadding = {4 * s, 4 * s};
    style.LabelPadding = {4 * s, 3 * s};
    style.LegendPadding = {8 * s, 8 * s};
    style.LegendInnerPadding = {6 * s, 4 * s};
    style.MousePosPadding = {6 * s, 4 * s};
    style.AnnotationPadding = {4 * s, 2 * s};
    style.FitPadding = {0.02f, 0.06f};
    style.MajorTickLen = {4 * s, 4 * s};
    style.MinorTickLen = {2 * s, 2 * s};
    style.MajorGridSize = style.MinorGridSize = {t.grid, t.grid};
    style.MajorTickSize = style.MinorTickSize = {t.grid, t.grid};
    style.PlotBorderSize = t.grid;
    style.MinorAlpha = 0.35f;
    ImVec4* c = style.Colors;
    c[ImPlotCol_FrameBg] = {0, 0, 0, 0};
    c[ImPlotCol_PlotBg] = faded(t.text, 0.02f);
    c[ImPlotCol_PlotBorder] = t.border;
    c[ImPlotCol_LegendBg] = faded(t.panel, 0.9f);
    c[ImPlotCol_LegendBorder] = t.border;
    c[ImPlotCol_LegendText] = c[ImPlotCol_InlayText] = c[ImPlotCol_TitleText] = t.text;
    c[ImPlotCol_AxisText] = t.quiet;
    c[ImPlotCol_AxisGrid] = c[ImPlotCol_AxisTick] = faded(t.text, 0.10f);
    c[ImPlotCol_AxisBg] = {0, 0, 0, 0};
    c[ImPlotCol_AxisBgHovered] = c[ImPlotCol_AxisBgActive] = faded(t.text, 0.06f);
    c[ImPlotCol_Selection] = c[ImPlotCol_Crosshairs] = t.quiet;
}

float type_size(Type type) {
    switch (type) {
        case Type::small_print:
            return 13.f;
        case Type::finding:
            return 18.f;
        case Type::verdict:
            return 30.f;
        case Type::body:
            break;
    }
    return 15.f;
}

}  // namespace

const Theme& theme() {
    return current;
}

void set_theme_fonts(ImFont* body, ImFont* bold, ImFont* mono) {
    current.body = body;
    current.bold = bold;
    current.mono = mono;
}

void apply_theme(ThemeKind kind, float scale) {
    Theme& t = current;
    t.kind = kind;
    t.scale = kind == ThemeKind::projector ? scale * projector_factor : scale;
    const bool dark = kind == ThemeKind::dark;
    t.ground = rgb(dark ? 0x0F1318 : 0xF6F7F9);
    t.panel = rgb(dark ? 0x161B22 : 0xFFFFFF);
    t.border = rgb(dark ? 0x262D37 : 0xD9DEE5);
    t.text = rgb(dark ? 0xE6EDF3 : 0x1B2129);
    t.quiet = rgb(dark ? 0x8B98A9 : 0x5B6675);
    t.line = 2.f * t.scale;
    t.grid = 1.f * t.scale;
    t.marker = 6.f * t.scale;

    ImGuiStyle& style = ImGui::GetStyle();
    style = ImGuiStyle();
    set_sizes(style);
    style.ScaleAllSizes(t.scale);
    style.FontSizeBase = type_size(Type::body);
    style.FontScaleMain = t.scale;  // the display's factor is inside: FontScaleDpi stays 1
    set_colours(style, t);
    if (ImPlot::GetCurrentContext() != nullptr) set_plot_style(t);
}

ImVec4 meaning_colour(Meaning meaning, float alpha) {
    switch (meaning) {
        case Meaning::predicted:
            return rgb(0xE69F00, alpha);
        case Meaning::measured:
            return rgb(0x56B4E9, alpha);
        case Meaning::dead:
            return rgb(0xD55E00, alpha);
        case Meaning::kept:
            return rgb(0x009E73, alpha);
        case Meaning::floor:
            return faded(current.quiet, 0.2f * alpha);
        case Meaning::undecided:
            break;
    }
    return faded(current.quiet, alpha);
}

ImVec4 model_colour(std::size_t place, float alpha) {
    return rgb(model_palette[place % model_palette.size()], alpha);
}

bool model_dashed(std::size_t place) {
    return place >= model_palette.size();
}

void push_type(Type type) {
    // A finding is told apart by its weight too, so that it reads as the panel's title.
    ImGui::PushFont(type == Type::verdict ? current.bold : current.body, type_size(type));
}

void push_mono(Type type) {
    ImGui::PushFont(current.mono, type_size(type));
}

}  // namespace deadscope

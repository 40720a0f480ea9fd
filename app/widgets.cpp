// Drawn with ImGui's own widgets and a few filled shapes; see widgets.h.
#include "app/widgets.h"

#include <imgui.h>
#include <imgui_internal.h>  // RenderTextEllipsis

#include <algorithm>
#include <array>
#include <cmath>

namespace deadscope {
namespace {

void unformatted(std::string_view text) {
    ImGui::TextUnformatted(text.data(), text.data() + text.size());
}

void wrapped(std::string_view text) {
    ImGui::PushTextWrapPos(0.f);
    unformatted(text);
    ImGui::PopTextWrapPos();
}

ImVec4 lamp_colour(Finding::Lamp kind) {
    switch (kind) {
        case Finding::Lamp::kept:
            return meaning_colour(Meaning::kept);
        case Finding::Lamp::dead:
            return meaning_colour(Meaning::dead);
        case Finding::Lamp::undecided:
            return meaning_colour(Meaning::predicted);
        case Finding::Lamp::neutral:
            break;
    }
    return theme().quiet;
}

void draw_shape(Finding::Lamp kind, ImVec2 centre, float radius) {
    ImDrawList& draw = *ImGui::GetWindowDrawList();
    const ImU32 colour = ImGui::GetColorU32(lamp_colour(kind));
    const float r = radius;
    if (kind == Finding::Lamp::kept) {
        const std::array<ImVec2, 3> check{ImVec2{centre.x - r, centre.y},
                                          ImVec2{centre.x - 0.25f * r, centre.y + 0.75f * r},
                                          ImVec2{centre.x + r, centre.y - 0.75f * r}};
        draw.AddPolyline(check.data(), static_cast<int>(check.size()), colour, theme().line * 1.3f);
    } else if (kind == Finding::Lamp::dead) {
        draw.AddTriangleFilled({centre.x - r, centre.y - 0.8f * r}, {centre.x + r, centre.y - 0.8f * r},
                               {centre.x, centre.y + r}, colour);
    } else if (kind == Finding::Lamp::undecided) {
        draw.AddCircle(centre, 0.8f * r, colour, 0, theme().line);
    } else {
        draw.AddCircleFilled(centre, 0.45f * r, colour);
    }
}

}  // namespace

void explain(std::string_view text) {
    if (!ImGui::IsItemHovered(ImGuiHoveredFlags_ForTooltip)) return;
    explain(Explanation{.what = std::string(text).c_str()});
}

void body_text(std::string_view text) {
    wrapped(text);
}

void progress_bar(double fraction, float width, std::string_view words) {
    const ImGuiStyle& style = ImGui::GetStyle();
    const ImVec2 low = ImGui::GetCursorScreenPos();
    const float height = ImGui::GetFrameHeight();
    if (width < 0.f) width = ImGui::GetContentRegionAvail().x;
    ImGui::Dummy({width, height});
    ImDrawList& draw = *ImGui::GetWindowDrawList();
    const ImVec2 high{low.x + width, low.y + height};
    const float filled = low.x + width * static_cast<float>(std::clamp(fraction, 0.0, 1.0));
    draw.AddRectFilled(low, high, ImGui::GetColorU32(ImGuiCol_FrameBg), style.FrameRounding);
    if (fraction > 0.0) {
        // Faint, so that the words keep their contrast over both parts.
        draw.PushClipRect(low, {filled, high.y}, true);
        draw.AddRectFilled(low, high, ImGui::GetColorU32(meaning_colour(Meaning::measured, 0.4f)),
                           style.FrameRounding);
        draw.PopClipRect();
    }
    const ImVec2 text{low.x + style.FramePadding.x, low.y + style.FramePadding.y};
    const float end = high.x - style.FramePadding.x;
    ImGui::RenderTextEllipsis(&draw, text, {end, high.y}, end, words.data(), words.data() + words.size(),
                              nullptr);
}

void lamp(Finding::Lamp kind) {
    const float size = ImGui::GetTextLineHeight();
    const ImVec2 at = ImGui::GetCursorScreenPos();
    draw_shape(kind, {at.x + size * 0.5f, at.y + size * 0.5f}, size * 0.36f);
    ImGui::Dummy({size, size});
    explain(lamp_word(kind));
}

std::string_view lamp_word(Finding::Lamp kind) {
    switch (kind) {
        case Finding::Lamp::kept:
            return "kept: as predicted, or preserved";
        case Finding::Lamp::dead:
            return "dead: a direction that carries nothing";
        case Finding::Lamp::undecided:
            return "not decidable here";
        case Finding::Lamp::neutral:
            break;
    }
    return "for information";
}

void model_swatch(const OpenModel& model) {
    // As high as a framed widget, beside which it stands.
    const float size = ImGui::GetFrameHeight(), side = std::round(ImGui::GetTextLineHeight() * 0.7f);
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float top = at.y + std::round((size - side) * 0.5f);
    ImDrawList& draw = *ImGui::GetWindowDrawList();
    const ImU32 colour = ImGui::GetColorU32(model_colour(model.colour, model.shown ? 1.f : 0.35f));
    if (model_dashed(model.colour)) {
        draw.AddRectFilled({at.x, top}, {at.x + side, top + side * 0.35f}, colour, 2.f);
        draw.AddRectFilled({at.x, top + side * 0.65f}, {at.x + side, top + side}, colour, 2.f);
    } else {
        draw.AddRectFilled({at.x, top}, {at.x + side, top + side}, colour, 3.f * theme().scale);
    }
    ImGui::Dummy({side, size});
}

bool begin_dialog(const char* title, float width, bool* open) {
    const ImGuiViewport& whole = *ImGui::GetMainViewport();
    ImGui::SetNextWindowPos({whole.GetCenter().x, whole.Pos.y + whole.Size.y * 0.1f}, ImGuiCond_Appearing,
                            {0.5f, 0.f});
    ImGui::SetNextWindowSizeConstraints({width, 0.f}, {width, whole.Size.y * 0.86f});
    return ImGui::Begin(title, open,
                        ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoDocking |
                            ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_AlwaysAutoResize);
}

void empty_state(std::string_view what_to_do, Intents& intents) {
    const float width = ImGui::GetContentRegionAvail().x;
    const float text_height =
        ImGui::CalcTextSize(what_to_do.data(), what_to_do.data() + what_to_do.size(), false, width).y;
    const float room = ImGui::GetContentRegionAvail().y - text_height - ImGui::GetFrameHeightWithSpacing();
    ImGui::Dummy({0.f, std::max(0.f, room * 0.4f)});
    ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
    wrapped(what_to_do);
    ImGui::PopStyleColor();
    if (ImGui::Button("Open a model…")) intents.view([](ViewState& view) { view.show_open_dialog = true; });
}

void error_text(std::string_view text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lamp(Finding::Lamp::dead);
    ImGui::SameLine(0.f, ImGui::GetStyle().ItemInnerSpacing.x);
    wrapped(text.substr(0, end));
    if (end == text.size()) return;
    // The lines below are set in for a terminal; here the print itself sets them apart.
    std::string rest(text.substr(end + 1));
    for (std::size_t at = rest.find("  "); at != std::string::npos; at = rest.find("  ")) rest.erase(at, 2);
    draw_small_print(rest);
}

}  // namespace deadscope

// Drawn with ImGui's own widgets and a few filled shapes; see widgets.h.
#include "app/widgets.h"

#include <imgui.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace deadscope {
namespace {

void unformatted(std::string_view text) { ImGui::TextUnformatted(text.data(), text.data() + text.size()); }

void wrapped(std::string_view text) {
    ImGui::PushTextWrapPos(0.f);
    unformatted(text);
    ImGui::PopTextWrapPos();
}

ImVec4 lamp_colour(Finding::Lamp kind) {
    switch (kind) {
        case Finding::Lamp::kept: return meaning_colour(Meaning::kept);
        case Finding::Lamp::dead: return meaning_colour(Meaning::dead);
        case Finding::Lamp::undecided: return meaning_colour(Meaning::predicted);
        case Finding::Lamp::neutral: break;
    }
    return theme().quiet;
}

void draw_shape(Finding::Lamp kind, ImVec2 centre, float radius) {
    ImDrawList& draw = *ImGui::GetWindowDrawList();
    const ImU32 colour = ImGui::GetColorU32(lamp_colour(kind));
    const float r = radius;
    if (kind == Finding::Lamp::kept) {
        const std::array<ImVec2, 3> check{ImVec2{centre.x - r, centre.y}, ImVec2{centre.x - 0.25f * r, centre.y + 0.75f * r},
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

void sentence(std::string_view text) {
    push_type(Type::finding);
    wrapped(text);
    ImGui::PopFont();
}

void small_print(std::string_view text) {
    push_type(Type::small_print);
    ImGui::PushStyleColor(ImGuiCol_Text, theme().quiet);
    wrapped(text);
    ImGui::PopStyleColor();
    ImGui::PopFont();
}

void body_text(std::string_view text) { wrapped(text); }

void cut_line(std::string_view text, float width) {
    const auto fits = [&](std::size_t bytes, float room) {
        return ImGui::CalcTextSize(text.data(), text.data() + bytes).x <= room;
    };
    if (fits(text.size(), width)) {
        unformatted(text);
        return;
    }
    const float room = width - ImGui::CalcTextSize("…").x;
    std::size_t bytes = text.size();
    const auto inside_character = [&](std::size_t at) { return at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u; };
    while (bytes > 0 && !fits(bytes, room)) {
        --bytes;
        while (inside_character(bytes)) --bytes;
    }
    unformatted(std::string(text.substr(0, bytes)) + "…");
    explain(text);
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
        case Finding::Lamp::kept: return "kept: as predicted, or preserved";
        case Finding::Lamp::dead: return "dead: a direction that carries nothing";
        case Finding::Lamp::undecided: return "not decidable here";
        case Finding::Lamp::neutral: break;
    }
    return "for information";
}

void model_swatch(const OpenModel& model) {
    const float size = ImGui::GetTextLineHeight(), side = std::round(size * 0.7f);
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

void empty_state(std::string_view what_to_do, Intents& intents) {
    const float width = ImGui::GetContentRegionAvail().x;
    const float text_height = ImGui::CalcTextSize(what_to_do.data(), what_to_do.data() + what_to_do.size(), false, width).y;
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
    if (end < text.size()) small_print(text.substr(end + 1));
}

std::string duration_text(double seconds) {
    std::array<char, 32> text{};
    if (seconds < 10.0) {
        std::snprintf(text.data(), text.size(), "%.2g s", seconds);
    } else if (seconds < 60.0) {
        std::snprintf(text.data(), text.size(), "%.0f s", seconds);
    } else {
        const auto whole = static_cast<long>(seconds);
        std::snprintf(text.data(), text.size(), "%ld min %02ld s", whole / 60, whole % 60);
    }
    return text.data();
}

}  // namespace deadscope

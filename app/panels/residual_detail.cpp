// The selected block: why it is flagged or not, the channels of its weakest direction, and what that
// direction overlaps with.
#include <algorithm>
#include <array>
#include <cmath>

#include "app/panels/residual_views.h"
#include "app/plots/parts.h"
#include "app/theme.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

constexpr Explanation bottom_explained{
    "Component of the stream's weakest direction: the bottom right singular vector of X_l.", "none",
    "a unit vector; its sign is arbitrary"};

// A bar from the middle of the row, its channel left, its value right; rows link to the other panels.
void draw_channel(const ResidualView& view, const BlockReading& block, std::size_t channel, float width) {
    const double value = block.bottom[channel];
    const float s = theme().scale, line = ImGui::GetTextLineHeight();
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImGui::PushID(static_cast<int>(channel));
    const bool pressed = ImGui::InvisibleButton("channel", {std::max(width, 1.0f), line});
    ImGui::PopID();
    ImDrawList& list = *ImGui::GetWindowDrawList();
    const bool marked = view.state.selection.channel == channel || view.state.hover.channel == channel;
    const float name_width = ImGui::CalcTextSize("00000").x, value_width = ImGui::CalcTextSize("-0.0000").x;
    const float left = at.x + name_width + 6 * s, right = at.x + width - value_width - 6 * s;
    const float middle = (left + right) * 0.5f, reach = (right - left) * 0.5f;
    const float tip = middle + reach * static_cast<float>(std::clamp(value, -1.0, 1.0));
    if (marked)
        list.AddRectFilled(at, {at.x + width, at.y + line}, packed(faded(theme().text, 0.08f)), 3 * s);
    const ImVec4 colour = block.flag ? meaning_colour(Meaning::dead) : meaning_colour(Meaning::measured);
    list.AddRectFilled({std::min(middle, tip), at.y + line * 0.22f},
                       {std::max(middle, tip), at.y + line * 0.78f}, packed(colour));
    list.AddLine({middle, at.y}, {middle, at.y + line}, packed(faded(theme().quiet, 0.5f)));
    list.AddText(at, packed(theme().quiet), std::to_string(channel).c_str());
    const std::string number = number_text(value);
    list.AddText({at.x + width - ImGui::CalcTextSize(number.c_str()).x, at.y}, packed(theme().text),
                 number.c_str());
    if (ImGui::IsItemHovered()) emit_hover(view.intents, view.model, std::nullopt, block.index, channel);
    if (pressed) emit_select(view.intents, view.state, view.model, std::nullopt, block.index, channel);
    explain(bottom_explained);
}

void draw_overlap(const std::string& name, double value, const Explanation& text, float width) {
    const ImVec2 at = ImGui::GetCursorPos();
    ImGui::TextColored(theme().quiet, "%s", name.c_str());
    explain(text);
    const std::string number = number_text(value);
    ImGui::SameLine();
    ImGui::SetCursorPosX(
        std::max(ImGui::GetCursorPosX(), at.x + width - ImGui::CalcTextSize(number.c_str()).x));
    ImGui::TextUnformatted(number.c_str());
}

void draw_overlaps(const BlockReading& block, float width) {
    ImGui::TextUnformatted("|overlap| with");
    if (block.overlap_previous) {
        draw_overlap("the block before's", *block.overlap_previous,
                     {"Overlap with the weakest direction of the stream before this block", "none: 0 to 1",
                      "|⟨b_l, b_{l−1}⟩|"},
                     width);
    }
    draw_overlap("1/√d", block.overlap_uniform,
                 {"Overlap with the mean over channels, which a LayerNorm network never reads",
                  "none: 0 to 1", "|⟨b_l, 1/√d⟩|"},
                 width);
    for (const BlockReading::NormOverlap& overlap : block.overlap_norms) {
        std::string name = overlap.norm;
        // Names are long and end in what tells them apart.
        while (name.size() > 4 && ImGui::CalcTextSize(("v of …" + name).c_str()).x > width * 0.72f)
            name.erase(0, 1);
        draw_overlap(name == overlap.norm ? "v of " + name : "v of …" + name, overlap.value,
                     {overlap.norm.c_str(), "none: 0 to 1", "|⟨b_l, γ⁻¹/‖γ⁻¹‖⟩| of this norm"}, width);
    }
}

void draw_words(const BlockReading& block, float width) {
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + width);
    const std::string title =
        block.index == 0 ? "Entering the first block" : "Block " + std::to_string(block.index);
    if (block.flag) {
        ImGui::TextColored(readable(meaning_colour(Meaning::dead)), "▼ %s", title.c_str());
    } else {
        ImGui::TextUnformatted(title.c_str());
    }
    const std::string reason =
        !block.reason.empty() ? block.reason
        : block.ratio         ? "σ_min is " + number_text(*block.ratio) + " times the block before's: kept."
                              : "The first stream measured: nothing to compare it with.";
    ImGui::TextColored(theme().quiet, "%s", reason.c_str());
    ImGui::PopTextWrapPos();
}

}  // namespace

void draw_block_detail(const ResidualView& view, float width, float height) {
    const auto index = view.block();
    if (!index) return;
    const BlockReading& block = view.run.blocks[*index];
    const float s = theme().scale;
    ImGui::BeginChild("detail", ImVec2(width, height), 0);
    push_type(Type::small_print);
    const bool strip = width > height * 1.6f;
    const float bar =
        ImGui::GetStyle().ScrollbarSize;  // a deep list scrolls: its numbers stay clear of the bar
    const float column = strip ? (width - 16 * s - bar) / 2.0f : width - bar;
    ImGui::BeginGroup();
    draw_words(block, column);
    ImGui::Dummy({1, 4 * s});
    if (strip) draw_overlaps(block, column);
    ImGui::EndGroup();
    if (strip) ImGui::SameLine(column + 16 * s);
    ImGui::BeginGroup();
    if (!block.bottom.empty()) {
        ImGui::TextUnformatted("Weakest direction, channels");
        explain(bottom_explained);
        ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(8 * s, 1 * s));
        for (const std::size_t channel : block.largest_channels) {
            if (channel < block.bottom.size()) draw_channel(view, block, channel, column);
        }
        ImGui::PopStyleVar();
    }
    ImGui::EndGroup();
    if (!strip) {
        ImGui::Dummy({1, 4 * s});
        draw_overlaps(block, column);
    }
    ImGui::PopFont();
    ImGui::EndChild();
}

}  // namespace deadscope

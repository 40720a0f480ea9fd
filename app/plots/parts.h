// What every panel with a plot shares: the finding on top, the small print below, the empty, working and
// error states, tooltips that explain a number, small switches, and which models and runs are drawn.
#pragma once

#include <imgui.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/intents.h"
#include "app/plots/marks.h"
#include "app/plots/table.h"
#include "app/state.h"

namespace deadscope {

// What a number is, its unit and its formula; shown while the last item is hovered.
struct Explanation {
    const char* what = "";
    const char* unit = "";
    const char* formula = "";
};
void explain(const Explanation& text);
// Inside BeginTooltip(): the same three lines.
void explanation_lines(const Explanation& text);

// One sentence in plain words, wrapped; the small print under a plot, its height, and its parts joined by " ·
// ".
void draw_finding(std::string_view sentence, const Explanation& text = {});
void draw_small_print(std::string_view text);
float small_print_height(std::string_view text);
std::string joined(std::initializer_list<std::string> parts);
std::string provenance(const Reading& reading, const Run& run);
std::vector<std::string> provenance_notes(const OpenModel& model, const Run* run);  // for a Table

// Small switches in a row; they wrap to the next line where the panel is narrow. Return true when clicked.
bool draw_choice(const char* id, std::initializer_list<const char*> names, int current, int& chosen);
bool draw_switch(const char* name, bool on, const Explanation& text);
void next_in_row(float coming_width);  // SameLine where what comes still fits
void next_in_row(const char* coming_switch);

// Draws the states that have nothing to plot and returns false: no model at all, still opening, failed, or
// nothing measured yet. `needs_run`: γ alone does not do.
bool subject_is_ready(const ExplorerState& state, const OpenModel* model, bool needs_run, Intents& intents);
// A line with a bar while a pass of this model is at work; nothing otherwise.
void draw_progress_line(const ExplorerState& state, const OpenModel& model);
// Of a pass that has not come to its end: its progress, or why it ended and the button to repeat it.
void draw_unfinished(const ExplorerState& state, const OpenModel& model, Intents& intents);
// Centred words in the rest of the panel, for a plot that can't be drawn.
void draw_reason(std::string_view words, std::string_view hint = {});

// The run that a panel shows for a model: of the trained weights, the one in the first precision asked for;
// nullptr: none yet.
const Run* main_run(const OpenModel& model, bool complete);
const Run* twin_of(const OpenModel& model, const Run& run,
                   bool complete);  // random initialisation, same precision if there
std::size_t run_index(const Reading& reading, const Run& run);

// Shown models that have a reading, the selected one last so that it is drawn on top.
std::vector<const OpenModel*> drawn_models(const ExplorerState& state);
// A model's line: its colour with a dash of its own place, so that colour is never the only sign.
LineStyle model_line(const OpenModel& model, bool selected);
LineStyle twin_line(const OpenModel& model);

// Colours as words of `Meaning`: the text of a label in a colour that may be too dim for text on this ground.
ImVec4 readable(const ImVec4& colour);

// A hover of this model's block, norm or channel, and a click on it.
void emit_hover(Intents& intents, const OpenModel& model, std::optional<std::size_t> norm,
                std::optional<std::size_t> block, std::optional<std::size_t> channel);
void emit_select(Intents& intents, const ExplorerState& state, const OpenModel& model,
                 std::optional<std::size_t> norm, std::optional<std::size_t> block,
                 std::optional<std::size_t> channel);

// 17 digits: what a tooltip shows of a value, enough to give the same double back.
std::string exact_text(double value);

}  // namespace deadscope

// Small parts that several panels share: explanations, sentences, lamps, states without data. What is said
// and when is the panels'.
#pragma once

#include <string>
#include <string_view>

#include "app/intents.h"
#include "app/plots/parts.h"
#include "app/state.h"
#include "app/theme.h"

namespace deadscope {

void explain(std::string_view text);  // tooltip of the item just drawn; numbers: plots/parts.h

void body_text(std::string_view text);  // wrapped
// A bar with words on it, cut to its width. Negative width: to the right edge.
void progress_bar(double fraction, float width, std::string_view words);

// The shapes of look.md: check, filled down-triangle, ring, dot. As high as the current font.
void lamp(Finding::Lamp kind);
std::string_view lamp_word(Finding::Lamp kind);
void model_swatch(const OpenModel& model);  // a square; two dashes where the palette has come round

// A dialog of a fixed width, near the window's top, that is as high as what it holds and scrolls where the
// window is too small for it. Ended by ImGui::End(), whatever it returns.
bool begin_dialog(const char* title, float width, bool* open);

// Designed states without data, in the middle of the room that is left.
void empty_state(std::string_view what_to_do, Intents& intents);
void error_text(std::string_view text);  // triangle, first line, the rest as small print

}  // namespace deadscope

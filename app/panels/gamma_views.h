// The three views of the γ panel and what they share: which norm is in focus, and how a norm is called
// briefly.
#pragma once

#include <imgui.h>

#include <string>
#include <vector>

#include "app/intents.h"
#include "app/plots/table.h"
#include "app/plots/ticks.h"
#include "app/state.h"

namespace deadscope {

struct GammaView {
    const ExplorerState& state;
    const OpenModel& model;
    Intents& intents;
    float height = 0.0f;  // pixels for the view
    const GammaReading& gamma() const { return *model.gamma; }
    std::size_t focus() const;  // the selected norm, else the final one
};

void draw_gamma_heatmap(const GammaView& view);
void draw_gamma_lines(const GammaView& view);
void draw_gamma_histogram(const GammaView& view);

std::string short_name(const NormSpec& norm);  // "3 attention", "final"
Table gamma_table(const OpenModel& model);     // long form: norm, channel, gamma

}  // namespace deadscope

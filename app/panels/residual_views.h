// The parts of the residual stream panel: σ by block, ratios below it, and what the selected block's dying
// direction is.
#pragma once

#include <cstddef>
#include <vector>

#include "app/intents.h"
#include "app/plots/ticks.h"
#include "app/state.h"

namespace deadscope {

struct ResidualView {
    const ExplorerState& state;
    const OpenModel& model;
    const Run& run;  // of the selected model; may still grow
    Intents& intents;
    std::size_t layers = 0;  // blocks of the widest shown model: the axis has its final length at once
    std::optional<std::size_t> block() const;  // the selected one, else the first flagged, else the weakest
};

void draw_sigma_plot(const ResidualView& view, float height);
void draw_ratio_plot(const ResidualView& view, float height);
// Reason, overlaps and largest channels of the block in focus, in a column or a strip of this size.
void draw_block_detail(const ResidualView& view, float width, float height);

}  // namespace deadscope

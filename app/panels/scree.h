// What the eigenvalues panel draws: one curve a run or a block, the rounding floor, and the ranges of the
// axes. How it is drawn is eigenvalues.cpp's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/intents.h"
#include "app/plots/marks.h"
#include "app/plots/ticks.h"
#include "app/state.h"

namespace deadscope {

// λ = σ² of one run or one block.
struct Spectrum {
    std::vector<double> lambda;  // [d], descending
    Range range;                 // of the positive ones
    std::size_t zeros = 0;
};

// One curve of the plot: a run's spectrum, or a block's.
struct Curve {
    const OpenModel* model = nullptr;
    const Run* run = nullptr;
    std::shared_ptr<const void> source;  // with place: whose spectrum it is
    std::size_t place = 0;
    std::shared_ptr<const Spectrum> spectrum;
    LineStyle style;
    std::string name;
    bool main = false;
    bool rung = false;  // another precision of the selected model's run

    const std::vector<double>& values() const { return spectrum->lambda; }
    double last_rank() const { return static_cast<double>(spectrum->lambda.size()); }
};

struct Scree {
    std::vector<Curve> curves;  // the main one last
    double floor = 0.0;         // on the scale of λ, of the main run
    bool block = false;         // the selected block's stream instead of the final norm's output
    Range ranks{0.5, 2.0}, lambdas{0.1, 10.0};
};

bool has_ladder(const Reading& reading);  // runs in several precisions
// A model's runs, or the spectrum of one block's stream, as far as they are there.
void add_runs(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected);
void add_block(Scree& scree, const ExplorerState& state, const OpenModel& model, bool selected,
               std::size_t block, Intents& intents);
void set_ranges(Scree& scree, bool log_rank);

}  // namespace deadscope

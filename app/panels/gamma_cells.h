// What the views of γ make of it once: the channels in order, the cells that matter and the range of the
// colours, and the heatmap's texels. Kept while the γ is there.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/plots/ticks.h"
#include "core/reading/reading.h"

namespace deadscope {

using Gamma = std::shared_ptr<const GammaReading>;

// [d] channel of the norm `row` at each place: largest γ first, or as they are stored.
std::shared_ptr<const std::vector<std::uint32_t>> channel_order(const Gamma& gamma, std::size_t row,
                                                                bool sorted);

// Whatever the order of channels.
struct GammaFacts {
    struct Mark {
        std::size_t row = 0, channel = 0;
        double distance = 0.0;  // |log10(|γ| / median)|
        bool exact = false;     // γ is 0, not next to it
    };
    std::size_t rows = 0, columns = 0;
    Range range{0.1, 1.0};  // of |γ|, without the outermost half percent
    std::size_t zeros = 0, tiny = 0, negatives = 0, not_finite = 0, outliers_in_all = 0;
    std::vector<Mark> zero_cells{}, outlier_cells{};  // bounded, the most telling first
};
GammaFacts make_gamma_facts(const GammaReading& gamma);
std::shared_ptr<const GammaFacts> gamma_facts(const Gamma& gamma);

// The column of a channel in this order.
std::size_t column_of(const Gamma& gamma, std::size_t row, std::size_t channel, bool sorted);
// [rows, columns], row-major, as the heatmap takes them.
std::vector<float> gamma_texels(const Gamma& gamma, bool sorted);

}  // namespace deadscope

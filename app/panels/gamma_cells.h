// What the heatmap of γ shows, made of γ once, when it or the order changes: a texel a channel, the range of
// the colours, and the cells that matter.
#pragma once

#include <cstdint>
#include <vector>

#include "app/plots/ticks.h"
#include "core/reading/reading.h"

namespace deadscope {

struct GammaCells {
    struct Mark {
        std::size_t row = 0, column = 0;
        double distance = 0.0;  // |log10(|γ| / median)|
        bool exact = false;     // γ is 0, not next to it
    };
    bool sorted = false;
    std::size_t rows = 0, columns = 0;
    std::vector<std::vector<std::uint32_t>> order{};  // [rows][d] channel at each place; empty: raw order
    Range range{0.1, 1.0};                            // of |γ|, without the outermost half percent
    std::size_t zeros = 0, tiny = 0, negatives = 0, not_finite = 0, outliers_in_all = 0;
    std::vector<Mark> zero_cells{}, outlier_cells{};  // bounded, the most telling first

    std::size_t channel(std::size_t row, std::size_t column) const {
        return order.empty() ? column : order[row][column];
    }
};
// texels: [rows, columns], row-major, as the heatmap takes them.
GammaCells make_gamma_cells(const GammaReading& gamma, bool sorted, std::vector<float>& texels);

}  // namespace deadscope

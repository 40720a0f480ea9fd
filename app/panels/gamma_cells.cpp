// See gamma_cells.h.
#include "app/panels/gamma_cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>

#include "app/plots/histogram.h"
#include "app/plots/order.h"
#include "app/scene/heatmap.h"

namespace deadscope {
namespace {

constexpr double next_to_zero = 1e-6;  // of the norm's largest |γ|, as KernelPrediction::tiny
constexpr double outlier = 10.0;       // times off the norm's median
constexpr std::size_t most_marks = 48;

Range robust_range(std::span<const double> sizes) {
    if (sizes.empty()) return {0.1, 1.0};
    const std::vector<double> ends = quantiles(sizes, std::array{0.005, 0.995});
    const Range range{ends[0], ends[1]};
    if (range.high > 1.5 * range.low) return range;
    const double middle = std::sqrt(range.low * range.high);
    return {middle / 1.25, middle * 1.25};  // γ as initialised is one colour, not noise
}

void keep_strongest(std::vector<GammaCells::Mark>& marks) {
    std::ranges::sort(marks, std::greater<>{}, &GammaCells::Mark::distance);
    if (marks.size() > most_marks) marks.resize(most_marks);
}

// One norm's texels and marks; its |γ| go to `sizes`.
void add_row(GammaCells& cells, std::size_t row, std::span<const double> values,
             std::span<const std::uint32_t> order, std::span<float> texels, std::vector<double>& sizes) {
    const double median = median_magnitude(values);
    double largest = 0.0;
    for (const double value : values)
        largest = std::max(largest, std::isfinite(value) ? std::abs(value) : 0.0);
    for (std::size_t column = 0; column < values.size(); ++column) {
        const double value = values[order.empty() ? column : order[column]], size = std::abs(value);
        texels[column] = texel(value);
        if (!std::isfinite(value)) {
            ++cells.not_finite;
            continue;
        }
        if (value == 0.0) {
            ++cells.zeros;
            cells.zero_cells.push_back({row, column, 1e3, true});
            continue;
        }
        sizes.push_back(size);
        cells.negatives += value < 0.0;
        const bool tiny = size <= next_to_zero * largest;
        if (!tiny && size <= outlier * median && size * outlier >= median) continue;
        const GammaCells::Mark mark{row, column, std::abs(std::log10(size / median))};
        cells.tiny += tiny;
        (tiny ? cells.zero_cells : cells.outlier_cells).push_back(mark);
    }
}

}  // namespace

GammaCells make_gamma_cells(const GammaReading& gamma, bool sorted, std::vector<float>& texels) {
    GammaCells cells{.sorted = sorted, .rows = gamma.norms.size()};
    for (const NormReading& norm : gamma.norms)
        cells.columns = std::max(cells.columns, norm.parameters.gamma.size());
    texels.assign(cells.rows * cells.columns, absent_texel);
    std::vector<double> sizes;
    sizes.reserve(texels.size());
    for (std::size_t row = 0; row < cells.rows; ++row) {
        const std::vector<double>& values = gamma.norms[row].parameters.gamma;
        std::vector<std::uint32_t> order;
        if (sorted) order = descending_order(values);
        add_row(cells, row, values, order, std::span(texels).subspan(row * cells.columns, values.size()),
                sizes);
        if (sorted) cells.order.push_back(std::move(order));
    }
    cells.outliers_in_all = cells.outlier_cells.size();
    keep_strongest(cells.zero_cells);
    keep_strongest(cells.outlier_cells);
    cells.range = robust_range(sizes);
    return cells;
}

}  // namespace deadscope

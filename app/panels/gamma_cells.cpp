// See gamma_cells.h.
#include "app/panels/gamma_cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <utility>

#include "app/plots/histogram.h"
#include "app/plots/kept.h"
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

void keep_strongest(std::vector<GammaFacts::Mark>& marks) {
    std::ranges::sort(marks, std::greater<>{}, &GammaFacts::Mark::distance);
    if (marks.size() > most_marks) marks.resize(most_marks);
}

// One norm's marks; its |γ| go to `sizes`.
void add_row(GammaFacts& facts, std::size_t row, std::span<const double> values, std::vector<double>& sizes) {
    const double median = median_magnitude(values);
    double largest = 0.0;
    for (const double value : values)
        largest = std::max(largest, std::isfinite(value) ? std::abs(value) : 0.0);
    for (std::size_t channel = 0; channel < values.size(); ++channel) {
        const double value = values[channel], size = std::abs(value);
        if (!std::isfinite(value)) {
            ++facts.not_finite;
            continue;
        }
        if (value == 0.0) {
            ++facts.zeros;
            facts.zero_cells.push_back({row, channel, 1e3, true});
            continue;
        }
        sizes.push_back(size);
        facts.negatives += value < 0.0;
        const bool tiny = size <= next_to_zero * largest;
        if (!tiny && size <= outlier * median && size * outlier >= median) continue;
        facts.tiny += tiny;
        (tiny ? facts.zero_cells : facts.outlier_cells)
            .push_back({row, channel, std::abs(std::log10(size / median))});
    }
}

}  // namespace

std::shared_ptr<const std::vector<std::uint32_t>> channel_order(const Gamma& gamma, std::size_t row,
                                                                bool sorted) {
    static Kept<std::pair<std::size_t, bool>, std::vector<std::uint32_t>> kept(512);
    return kept.of(gamma, {row, sorted}, [&] {
        const std::vector<double>& values = gamma->norms[row].parameters.gamma;
        return sorted ? descending_order(values) : plain_order(values.size());
    });
}

GammaFacts make_gamma_facts(const GammaReading& gamma) {
    GammaFacts facts{.rows = gamma.norms.size()};
    for (const NormReading& norm : gamma.norms)
        facts.columns = std::max(facts.columns, norm.parameters.gamma.size());
    std::vector<double> sizes;
    sizes.reserve(facts.rows * facts.columns);
    for (std::size_t row = 0; row < facts.rows; ++row)
        add_row(facts, row, gamma.norms[row].parameters.gamma, sizes);
    facts.outliers_in_all = facts.outlier_cells.size();
    keep_strongest(facts.zero_cells);
    keep_strongest(facts.outlier_cells);
    facts.range = robust_range(sizes);
    return facts;
}

std::shared_ptr<const GammaFacts> gamma_facts(const Gamma& gamma) {
    static Kept<int, GammaFacts> kept(32);
    return kept.of(gamma, 0, [&] { return make_gamma_facts(*gamma); });
}

std::size_t column_of(const Gamma& gamma, std::size_t row, std::size_t channel, bool sorted) {
    if (!sorted) return channel;
    const std::vector<std::uint32_t>& order = *channel_order(gamma, row, sorted);
    return static_cast<std::size_t>(std::ranges::find(order, channel) - order.begin());
}

std::vector<float> gamma_texels(const Gamma& gamma, bool sorted) {
    const std::shared_ptr<const GammaFacts> facts = gamma_facts(gamma);
    std::vector<float> texels(facts->rows * facts->columns, absent_texel);
    for (std::size_t row = 0; row < facts->rows; ++row) {
        const std::vector<double>& values = gamma->norms[row].parameters.gamma;
        float* out = texels.data() + row * facts->columns;
        if (!sorted) {
            for (const double value : values) *out++ = texel(value);
            continue;
        }
        for (const std::uint32_t channel : *channel_order(gamma, row, sorted))
            *out++ = texel(values[channel]);
    }
    return texels;
}

}  // namespace deadscope

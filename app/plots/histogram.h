// Counts of |values| in bins of equal width in log10: what the histogram of γ shows. Display only: no
// measurement rests on it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "app/plots/ticks.h"

namespace deadscope {

struct LogHistogram {
    std::vector<double> edges;        // [bins + 1], ascending
    std::vector<std::size_t> counts;  // [bins]
    std::size_t zeros = 0;            // have no place on a log axis: told apart
    std::size_t negatives = 0;        // counted in the bin of their magnitude, and here
    std::size_t not_finite = 0;
    std::size_t outside = 0;  // finite, nonzero, outside the range
};
LogHistogram log_histogram(std::span<const double> values, Range range, std::size_t bins);

// Median of |values| over finite nonzero ones; 0 where there are none.
double median_magnitude(std::span<const double> values);

// The values at these shares of the way from the least to the largest, as sorting would find them, in
// a few passes; empty where there are none. All finite and above 0.
std::vector<double> quantiles(std::span<const double> values, std::span<const double> shares);

// Finite nonzero values whose magnitude lies more than `factor` times above or below the median.
std::vector<std::size_t> outliers(std::span<const double> values, double factor = 10.0);

}  // namespace deadscope

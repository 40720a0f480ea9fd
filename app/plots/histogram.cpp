// Binning in log10, and outliers by their ratio to the median; see histogram.h.
#include "app/plots/histogram.h"

#include <algorithm>
#include <cmath>

namespace deadscope {

LogHistogram log_histogram(std::span<const double> values, Range range, std::size_t bins) {
    LogHistogram histogram;
    histogram.counts.assign(bins, 0);
    const double low = std::log10(range.low),
                 width = (std::log10(range.high) - low) / static_cast<double>(bins);
    for (std::size_t i = 0; i <= bins; ++i) {
        histogram.edges.push_back(std::pow(10.0, low + width * static_cast<double>(i)));
    }
    for (const double value : values) {
        if (!std::isfinite(value)) {
            ++histogram.not_finite;
        } else if (value == 0.0) {
            ++histogram.zeros;
        } else {
            if (value < 0.0) ++histogram.negatives;
            const double at = (std::log10(std::abs(value)) - low) / width;
            if (at < -1e-9 || at > static_cast<double>(bins) + 1e-9) {
                ++histogram.outside;
            } else {
                const double bin = std::clamp(std::floor(at), 0.0, static_cast<double>(bins) - 1.0);
                ++histogram.counts[static_cast<std::size_t>(bin)];
            }
        }
    }
    return histogram;
}

double median_magnitude(std::span<const double> values) {
    std::vector<double> sizes;
    for (const double v : values) {
        if (std::isfinite(v) && v != 0.0) sizes.push_back(std::abs(v));
    }
    if (sizes.empty()) return 0.0;
    const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
    std::nth_element(sizes.begin(), middle, sizes.end());
    return *middle;
}

std::vector<std::size_t> outliers(std::span<const double> values, double factor) {
    std::vector<std::size_t> found;
    const double median = median_magnitude(values);
    for (std::size_t i = 0; i < values.size() && median > 0.0; ++i) {
        const double size = std::abs(values[i]);
        if (std::isfinite(size) && size > 0.0 && (size > factor * median || size < median / factor))
            found.push_back(i);
    }
    return found;
}

}  // namespace deadscope

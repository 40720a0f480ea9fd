// Binning in log10, and outliers by their ratio to the median; see histogram.h.
#include "app/plots/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace deadscope {
namespace {

// Positive values counted by their leading bits, which are in their order: exponent and the first bits after
// it. The value of a rank is then looked for among a few.
class Ranks {
public:
    explicit Ranks(std::span<const double> values) : values_(values) {
        std::size_t last = 0;
        first_ = bin_of(values.front());
        for (const double value : values) {
            first_ = std::min(first_, bin_of(value));
            last = std::max(last, bin_of(value));
        }
        counts_.assign(last - first_ + 1, 0);
        for (const double value : values) ++counts_[bin_of(value) - first_];
    }

    double value(std::size_t rank) const {
        std::size_t bin = 0;
        for (; rank >= counts_[bin]; ++bin) rank -= counts_[bin];
        std::vector<double> inside;
        inside.reserve(counts_[bin]);
        for (const double value : values_)
            if (bin_of(value) - first_ == bin) inside.push_back(value);
        const auto at = inside.begin() + static_cast<std::ptrdiff_t>(rank);
        std::nth_element(inside.begin(), at, inside.end());
        return *at;
    }

private:
    static std::size_t bin_of(double value) {
        constexpr unsigned kept_bits = 17;  // sign, 11 of the exponent, 5 of the mantissa
        return static_cast<std::size_t>(std::bit_cast<std::uint64_t>(value) >> (64 - kept_bits));
    }

    std::span<const double> values_;
    std::size_t first_ = 0;
    std::vector<std::size_t> counts_;
};

}  // namespace

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
    sizes.reserve(values.size());
    for (const double v : values) {
        if (std::isfinite(v) && v != 0.0) sizes.push_back(std::abs(v));
    }
    return sizes.empty() ? 0.0 : Ranks(sizes).value(sizes.size() / 2);
}

std::vector<double> quantiles(std::span<const double> values, std::span<const double> shares) {
    std::vector<double> found;
    if (values.empty()) return found;
    const Ranks ranks(values);
    for (const double share : shares)
        found.push_back(
            ranks.value(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))));
    return found;
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

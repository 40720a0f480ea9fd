// Where an axis puts its ticks and what they read: powers of ten as 10ⁿ, at most seven a side (look.md),
// finer steps where the range is short. Knows nothing of a window.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace deadscope {

struct Tick {
    double value = 0.0;
    std::string label;
};

struct Range {
    double low = 0.0, high = 1.0;
    bool operator==(const Range&) const = default;
};

std::string superscript(int value);      // "⁻¹⁵"
std::string power_of_ten(int exponent);  // "10⁻¹⁵"; 1 and 10 stay words: "1", "10"

// Decades in [low, high], every k-th where there are more than `most`; 2 and 5 between them where the range
// is shorter than two decades; even steps where it is shorter than 0.8 of one. low > 0.
std::vector<Tick> log_ticks(Range range, int most = 7);
// Steps of 1, 2 or 5 times a power of ten.
std::vector<Tick> linear_ticks(Range range, int most = 7);
// The same on whole numbers only (blocks, channels, ranks).
std::vector<Tick> count_ticks(Range range, int most = 7);

// The range of the finite values; of the positive ones only for a log axis. {1e-1, 1e1} or {0, 1} where none
// is.
Range linear_range(std::span<const double> values);
Range log_range(std::span<const double> values);
Range join(Range a, Range b);
Range pad_linear(Range range, double low_share, double high_share);
Range pad_log(Range range, double low_decades, double high_decades);

}  // namespace deadscope

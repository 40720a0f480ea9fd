// Ticks and ranges of axes; see ticks.h.
#include "app/plots/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace deadscope {
namespace {

constexpr std::size_t most_even_ticks = 64;

// The smallest 1, 2 or 5 times a power of ten that is at least `step`.
double round_step(double step) {
    const double power = std::pow(10.0, std::floor(std::log10(step)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= step * (1.0 - 1e-9)) return factor * power;
    }
    return 10.0 * power;
}

std::string short_number(double value, double step) {
    std::array<char, 48> text{};
    const double size = std::max(std::abs(value), step);
    if (size >= 1e4 || (step < 1e-3 && value != 0.0)) {
        const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
        const double mantissa = value / std::pow(10.0, exponent);
        const int decimals = std::max(0, exponent - static_cast<int>(std::floor(std::log10(step) + 1e-9)));
        std::snprintf(text.data(), text.size(), "%.*f", std::min(decimals, 6), mantissa);
        return std::string(text.data()) + "·" + power_of_ten(exponent);
    }
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return text.data();
}

std::vector<Tick> even_ticks(Range range, double step) {
    std::vector<Tick> ticks;
    const double first = std::ceil(range.low / step - 1e-9);
    // Zoomed in to the last bits of a double, one more is no more: the bound ends it.
    for (double i = first; ticks.size() < most_even_ticks && i * step <= range.high + step * 1e-9; i += 1.0) {
        const double value = i == 0.0 ? 0.0 : i * step;  // no "-0"
        ticks.push_back({value, short_number(value, step)});
    }
    return ticks;
}

// The step that gives at most so many ticks, but not one alone, which is no scale.
double even_step(Range range, int most) {
    const auto ticks = [&](double step) {
        return std::floor(range.high / step + 1e-9) - std::ceil(range.low / step - 1e-9) + 1.0;
    };
    double step = round_step((range.high - range.low) / std::max(1, most - 1));
    for (int finer = 0; finer < 3 && ticks(step) < 2.0; ++finer) step = round_step(step * 0.4);  // 5, 2, 1
    return step;
}

}  // namespace

std::string superscript(int value) {
    static constexpr std::array<const char*, 10> digits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string text;
    for (const char c : std::to_string(value))
        text += c == '-' ? "⁻" : digits.at(static_cast<std::size_t>(c - '0'));
    return text;
}

std::string power_of_ten(int exponent) {
    if (exponent == 0) return "1";
    if (exponent == 1) return "10";
    return "10" + superscript(exponent);
}

std::vector<Tick> log_ticks(Range range, int most) {
    if (!(range.low > 0.0) || !(range.high > range.low)) return {};
    const double low = std::log10(range.low), high = std::log10(range.high);
    if (high - low < 0.8) return linear_ticks(range, most);
    const int first = static_cast<int>(std::ceil(low - 1e-9)),
              last = static_cast<int>(std::floor(high + 1e-9));
    std::vector<Tick> ticks;
    if (last - first >= 2) {
        // Counted from a multiple of the step, so that zooming keeps the same decades. One tick alone is no
        // scale.
        for (int step = (last - first + most) / most; ticks.size() < 2; --step) {
            ticks.clear();
            const int start = static_cast<int>(std::ceil(static_cast<double>(first) / step)) * step;
            for (int e = start; e <= last; e += step) ticks.push_back({std::pow(10.0, e), power_of_ten(e)});
        }
        return ticks;
    }
    for (int e = first - 1; e <= last; ++e) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double value = factor * std::pow(10.0, e);
            if (value < range.low * (1 - 1e-9) || value > range.high * (1 + 1e-9)) continue;
            ticks.push_back({value, short_number(value, std::pow(10.0, e))});
        }
    }
    if (static_cast<int>(ticks.size()) > most) {
        std::erase_if(ticks, [](const Tick& t) {
            const double e = std::log10(t.value);
            return std::abs(e - std::round(e)) > 1e-6;
        });
    }
    return ticks;
}

std::vector<Tick> linear_ticks(Range range, int most) {
    if (!(range.high > range.low)) return {};
    return even_ticks(range, even_step(range, most));
}

std::vector<Tick> count_ticks(Range range, int most) {
    if (!(range.high > range.low)) return {};
    const double step = std::max(1.0, even_step(range, most));
    std::vector<Tick> ticks;
    for (double i = std::ceil(range.low / step - 1e-9); i * step <= range.high + 1e-9; i += 1.0) {
        ticks.push_back({i * step, std::to_string(static_cast<long long>(std::llround(i * step)))});
    }
    return ticks;
}

Range linear_range(std::span<const double> values) {
    Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (const double v : values) {
        if (std::isfinite(v)) range = {std::min(range.low, v), std::max(range.high, v)};
    }
    if (range.low > range.high) return {0.0, 1.0};
    if (range.low == range.high) {
        const double half = range.low == 0.0 ? 1.0 : std::abs(range.low) * 0.5;
        return {range.low - half, range.high + half};
    }
    return range;
}

Range log_range(std::span<const double> values) {
    Range range{std::numeric_limits<double>::infinity(), 0.0};
    for (const double v : values) {
        if (std::isfinite(v) && v > 0.0) range = {std::min(range.low, v), std::max(range.high, v)};
    }
    if (range.low > range.high) return {0.1, 10.0};
    if (range.low == range.high) return {range.low / 3.0, range.high * 3.0};
    return range;
}

Range join(Range a, Range b) {
    return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Range pad_linear(Range range, double low_share, double high_share) {
    const double size = range.high - range.low;
    return {range.low - low_share * size, range.high + high_share * size};
}

Range pad_log(Range range, double low_decades, double high_decades) {
    return {range.low * std::pow(10.0, -low_decades), range.high * std::pow(10.0, high_decades)};
}

}  // namespace deadscope

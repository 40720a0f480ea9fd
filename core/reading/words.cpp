// Numbers by std::to_chars, so that no locale changes a decimal point.
#include "core/reading/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace deadscope {

namespace {

std::string formatted(double value, std::chars_format format, int precision) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format, precision);
    return end.ec == std::errc() ? std::string(text.data(), end.ptr) : std::string("—");
}

// Three digits and a unit, powers of 1000.
std::string with_unit(std::uint64_t value, const char* const* units, std::size_t count) {
    if (value < 1000)
        return std::to_string(value) + (units[0][0] ? std::string(" ") + units[0] : std::string());
    auto scaled = static_cast<double>(value);
    std::size_t unit = 0;
    while (scaled >= 999.5 && unit + 1 < count) {
        scaled /= 1000.0;
        ++unit;
    }
    return formatted(scaled, std::chars_format::fixed, scaled < 99.95 ? 1 : 0) + " " + units[unit];
}

}  // namespace

std::string number_text(double value) {
    if (!std::isfinite(value)) return "—";
    if (value == 0.0) return "0";
    const double size = std::abs(value);
    if (size >= 1e4 || size < 1e-4) return formatted(value, std::chars_format::scientific, 3);
    const int before = static_cast<int>(std::floor(std::log10(size))) + 1;  // digits before the point
    return formatted(value, std::chars_format::fixed, std::max(0, 4 - before));
}

std::string alignment_text(double value) {
    return std::isfinite(value) ? formatted(value, std::chars_format::fixed, 6) : "—";
}

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array<const char*, 6> units{"B", "kB", "MB", "GB", "TB", "PB"};
    return with_unit(bytes, units.data(), units.size());
}

std::string count_text(std::uint64_t count) {
    static constexpr std::array<const char*, 5> units{"", "k", "M", "G", "T"};
    return with_unit(count, units.data(), units.size());
}

std::string counted(std::uint64_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace deadscope

// See durations.h. The space before a unit does not break.
#include "app/durations.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace deadscope {

std::string duration_text(double seconds) {
    std::array<char, 48> text{};
    if (seconds < 0.001) return "< 1\u00A0ms";
    if (seconds < 0.9995) {
        std::snprintf(text.data(), text.size(), "%.0f\u00A0ms", seconds * 1000.0);
    } else if (seconds < 9.95) {
        std::snprintf(text.data(), text.size(), "%.1f\u00A0s", seconds);
    } else if (seconds < 59.5) {
        std::snprintf(text.data(), text.size(), "%.0f\u00A0s", seconds);
    } else {
        const auto whole = std::lround(seconds);
        std::snprintf(text.data(), text.size(), "%ld min %02ld s", whole / 60, whole % 60);
    }
    return text.data();
}

}  // namespace deadscope

// Names and unit round-offs of the precisions.
#include "core/base/precision.h"

#include <array>
#include <utility>

namespace deadscope {
namespace {

constexpr std::array<std::pair<Precision, std::string_view>, 4> names{
    {{Precision::f64, "f64"}, {Precision::f32, "f32"}, {Precision::bf16, "bf16"}, {Precision::f16, "f16"}}};

}  // namespace

double unit_roundoff(Precision precision) {
    switch (precision) {
        case Precision::f64:
            return 0x1p-53;
        case Precision::f32:
            return 0x1p-24;
        case Precision::bf16:
            return 0x1p-8;
        case Precision::f16:
            return 0x1p-11;
    }
    return 0x1p-53;
}

std::string_view precision_name(Precision precision) {
    for (const auto& [value, name] : names) {
        if (value == precision) return name;
    }
    return "f64";
}

std::optional<Precision> precision_from_name(std::string_view name) {
    for (const auto& [value, known] : names) {
        if (known == name) return value;
    }
    return std::nullopt;
}

}  // namespace deadscope

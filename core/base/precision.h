// The arithmetic of a pass, and its unit round-off.
#pragma once

#include <optional>
#include <string_view>

namespace deadscope {

enum class Precision { f64, f32, bf16, f16 };

// Unit round-off u: half the distance from 1 to the next number (IEEE 754: 2^-53, 2^-24, 2^-8, 2^-11).
double unit_roundoff(Precision precision);
std::string_view precision_name(Precision precision);  // "f64", ...
std::optional<Precision> precision_from_name(std::string_view name);

}  // namespace deadscope

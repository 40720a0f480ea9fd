// Rotary positions: inverse frequencies from a configuration, in both of its published spellings (rope_theta
// beside rope_scaling, and rope_parameters).
#pragma once

#include "core/model/config_values.h"

namespace deadscope {

// Errors: a scaling rule that is not known (named), parameters that are missing or contradict each other.
RotarySpec make_rotary(const ConfigValues& values, std::int64_t head_dim, std::int64_t context);

}  // namespace deadscope

// Rotary positions: inverse frequencies from a configuration, in both of its published spellings (rope_theta
// beside rope_scaling, and rope_parameters), by every rule of transformers' modeling_rope_utils.
#pragma once

#include "core/model/config_values.h"

namespace deadscope {

struct RotaryInput {
    std::int64_t head_dim = 0;  // channels that the rule's fraction is of
    std::int64_t first = 0;     // channel at which they begin
    std::int64_t context = 0;   // longest sequence
    // A GGUF file's own divisors of the frequencies ([dims / 2] or empty), which come before the rule's.
    std::vector<double> divisors, short_factors, long_factors;
    std::vector<double> frequencies;  // the file's own, [dims / 2] or empty
};

struct Rotary {
    RotarySpec spec;
    double score_scale = 1.0;  // what yarn's mscale_all_dim makes of q·k where a family applies it (DeepSeek)
};

// Errors: a rule that is not known (named), parameters that are missing or contradict each other.
Rotary make_rotary(const ConfigValues& values, const RotaryData& data, const RotaryInput& input);

}  // namespace deadscope

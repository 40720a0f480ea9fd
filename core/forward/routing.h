// Which experts a token goes to, and with which weights, from the router's logits: on the host, in double, so
// that every backend chooses alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/plan.h"

namespace deadscope {

struct Choice {
    std::size_t expert;
    double weight;
};

// The choices of one token, best first; of equal scores the lowest index is taken. logits [experts];
// correction [experts] or empty.
std::vector<Choice> choose_experts(const ExpertsSpec& spec, std::span<const double> logits,
                                   std::span<const double> correction);

}  // namespace deadscope

// Parts of the scalar reference: each a plain loop in long double over what plan.h says.
#pragma once

#include "tests/core/forward/reference.h"

namespace deadscope::testing {

inline std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// The whole tensor, flat.
std::vector<double> all(const WeightSource& weights, const WeightRef& ref);
Table linear(const WeightSource& weights, const LinearSpec& spec, const Table& x);
// Each spec.d columns on their own.
Table norm(const WeightSource& weights, const NormSpec& spec, const Table& x);
Table norm(const WeightSource& weights, const std::optional<NormSpec>& spec, const Table& x);
long double activate(Activation activation, long double v);

// Keys and values of a block, [tokens, kv_heads · width], for blocks that read those of another.
struct KeysAndValues {
    Table k, v;
};
Table attention(const WeightSource& weights, const AttentionSpec& spec, const SequenceLayout& layout,
                const Table& x, std::vector<KeysAndValues>& of_blocks);

Table mlp(const WeightSource& weights, const MlpSpec& spec, const Table& x);
Table mixture(const WeightSource& weights, const ExpertsSpec& spec, const Table& x);

Table embed(const WeightSource& weights, const Plan& plan, const ModelInput& input);

}  // namespace deadscope::testing

// The pieces that the tiny models are put together from.
#pragma once

#include "core/base/philox.h"
#include "tests/core/forward/tiny_models.h"

namespace deadscope::testing::tiny {

inline constexpr std::int64_t d = 12, vocabulary = 23;

inline WeightRef tensor(const std::string& name, std::vector<std::int64_t> shape) {
    return {name, std::move(shape), {}};
}

inline LinearSpec linear(const std::string& name, std::int64_t in, std::int64_t out, bool bias) {
    LinearSpec spec;
    spec.weight = tensor(name + ".weight", {out, in});
    if (bias) spec.bias = tensor(name + ".bias", {out});
    spec.in = in;
    spec.out = out;
    return spec;
}

// Part `index` of three in one tensor, [in, 3 · out] or [3 · out, in].
inline LinearSpec fused(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t index,
                        bool stored_in_out) {
    LinearSpec spec = linear(name, in, out, true);
    spec.stored_in_out = stored_in_out;
    spec.weight.shape = stored_in_out ? std::vector{in, 3 * out} : std::vector{3 * out, in};
    spec.bias.shape = {3 * out};
    spec.first_row = index * out;
    return spec;
}

inline NormSpec norm(const std::string& name, NormKind kind, bool bias, std::int64_t width = d) {
    NormSpec spec;
    spec.name = name;
    spec.weight = name + ".weight";
    if (bias) spec.bias = name + ".bias";
    spec.kind = kind;
    spec.eps = 1e-3;
    spec.d = width;
    return spec;
}

inline BlockSpec block(const std::string& name, NormKind kind, std::int64_t heads, std::int64_t kv_heads,
                       std::int64_t head_dim) {
    BlockSpec spec;
    spec.attention_norm = norm(name + ".n1", kind, kind == NormKind::layer_norm);
    spec.mlp_norm = norm(name + ".n2", kind, kind == NormKind::layer_norm);
    AttentionSpec& a = spec.attention;
    a.heads = heads;
    a.kv_heads = kv_heads;
    a.head_dim = head_dim;
    a.scale = 0.3;
    a.q = linear(name + ".q", d, heads * head_dim, true);
    a.k = linear(name + ".k", d, kv_heads * head_dim, false);
    a.v = linear(name + ".v", d, kv_heads * head_dim, true);
    a.o = linear(name + ".o", heads * head_dim, d, true);
    spec.mlp.up = linear(name + ".up", d, 20, true);
    spec.mlp.down = linear(name + ".down", 20, d, true);
    return spec;
}

inline TokenInputSpec token_input(std::int64_t positions) {
    TokenInputSpec spec;
    spec.tokens = tensor("tokens", {vocabulary, d});
    if (positions > 0) spec.positions = tensor("positions", {positions, d});
    return spec;
}

// Sequences of these lengths over seeded ids.
inline ModelInput tokens(const std::vector<std::size_t>& lengths) {
    ModelInput input;
    input.layout.starts = {0};
    for (const std::size_t length : lengths) input.layout.starts.push_back(input.layout.tokens() + length);
    const Philox stream(9, "ids");
    for (std::size_t i = 0; i < input.tokens(); ++i)
        input.ids.push_back(static_cast<std::int32_t>(stream.below(i, vocabulary)));
    return input;
}

inline Plan plan(const std::string& name, std::vector<BlockSpec> blocks) {
    Plan result;
    result.model_type = result.family = name;
    result.d = d;
    result.vocabulary = vocabulary;
    result.blocks = std::move(blocks);
    result.final_norm = norm("final", result.blocks[0].attention_norm->kind, true);
    result.head.linear = linear("head", d, vocabulary, false);
    return result;
}

}  // namespace deadscope::testing::tiny

#include "tests/core/forward/tiny_models.h"

#include <cmath>

#include "core/base/philox.h"
#include "tests/core/forward/tiny_parts.h"

namespace deadscope::testing {
namespace {

using namespace tiny;

TinyModel gpt() {
    TinyModel model{
        "gpt",
        plan("gpt", {block("0", NormKind::layer_norm, 3, 3, 4), block("1", NormKind::layer_norm, 3, 3, 4)}),
        tokens({9, 1, 14, 6, 6})};
    model.plan.token_input = token_input(17);
    model.plan.token_input->position_offset = 2;
    for (BlockSpec& spec : model.plan.blocks) {
        const std::string name = spec.attention_norm->name;
        spec.attention.q = fused(name + ".qkv", d, d, 0, true);
        spec.attention.k = fused(name + ".qkv", d, d, 1, true);
        spec.attention.v = fused(name + ".qkv", d, d, 2, true);
        spec.mlp.activation = Activation::gelu_tanh;
    }
    return model;
}

TinyModel encoder() {
    TinyModel model{"encoder",
                    plan("encoder", {block("0", NormKind::layer_norm, 2, 2, 6),
                                     block("1", NormKind::layer_norm, 2, 2, 6)}),
                    tokens({8, 8, 3, 11})};
    model.plan.norm_position = NormPosition::post;
    model.plan.final_norm.reset();
    model.plan.head = {};
    model.plan.token_input = token_input(11);
    model.plan.token_input->token_types = tensor("types", {2, d});
    model.plan.token_input->norm = norm("embedding_norm", NormKind::layer_norm, true);
    for (BlockSpec& spec : model.plan.blocks) {
        spec.attention.causal = false;
        const std::string name = spec.attention_norm->name;
        spec.attention.q = fused(name + ".qkv", d, d, 0, false);
        spec.attention.k = fused(name + ".qkv", d, d, 1, false);
        spec.attention.v = fused(name + ".qkv", d, d, 2, false);
    }
    return model;
}

TinyModel gated() {
    TinyModel model{
        "gated",
        plan("gated", {block("0", NormKind::rms_norm, 4, 2, 6), block("1", NormKind::rms_norm, 4, 1, 6)}),
        tokens({20, 5, 5})};
    model.plan.token_input = token_input(0);
    model.plan.token_input->scale = 1.75;
    model.plan.final_norm->bias.clear();
    for (BlockSpec& spec : model.plan.blocks) {
        spec.attention.rotary = {.dims = 6,
                                 .interleaved = false,
                                 .inverse_frequencies = {1.0, 0.2, 0.03},
                                 .attention_factor = 1.0};
        spec.mlp.activation = Activation::silu;
        spec.mlp.gate = linear(spec.attention_norm->name + ".gate", d, 20, false);
    }
    return model;
}

TinyModel parallel() {
    TinyModel model{"parallel",
                    plan("parallel", {block("0", NormKind::layer_norm, 2, 2, 6),
                                      block("1", NormKind::layer_norm, 2, 2, 6)}),
                    tokens({13, 13})};
    model.plan.token_input = token_input(0);
    for (BlockSpec& spec : model.plan.blocks) {
        spec.parallel = true;
        spec.attention.rotary = {
            .dims = 4, .interleaved = true, .inverse_frequencies = {1.0, 0.1}, .attention_factor = 1.1};
        spec.mlp.activation = Activation::gelu;
    }
    model.plan.blocks[1].mlp_norm.reset();  // shares attention's
    return model;
}

TinyModel pictures() {
    TinyModel model{"pictures",
                    plan("pictures", {block("0", NormKind::layer_norm, 3, 3, 4),
                                      block("1", NormKind::layer_norm, 3, 3, 4)}),
                    {}};
    model.plan.vocabulary = 0;
    model.plan.head = {};
    PatchInputSpec patches;
    patches.channels = 2;
    patches.image_height = 6;
    patches.image_width = 9;
    patches.patch = 3;
    patches.kernel = tensor("kernel", {d, 2, 3, 3});
    patches.bias = tensor("kernel_bias", {d});
    patches.class_tokens = {tensor("class", {1, 1, d})};
    patches.positions = tensor("positions", {1, 7, d});
    patches.norm = norm("patch_norm", NormKind::layer_norm, true);
    model.plan.patch_input = patches;
    for (BlockSpec& spec : model.plan.blocks) {
        spec.attention.causal = false;
        spec.mlp.activation = Activation::quick_gelu;
    }
    const Philox stream(4, "pixels");
    for (std::size_t i = 0; i < 5 * 2 * 6 * 9; ++i)
        model.input.pixels.push_back(static_cast<float>(stream.normal(i)));
    model.input.layout.starts = {0, 7, 14, 21, 28, 35};
    return model;
}

}  // namespace

void NamedWeights::read(const WeightRef& weight, ElementRange range, std::span<double> out) const {
    Philox(2, weight.name).fill_normal(range.first, out);
    for (double& value : out) value = static_cast<double>(static_cast<float>(0.4 * value));
    if (const auto found = added.find(weight.name); found != added.end()) {
        for (const auto& [index, change] : found->second) {
            if (index >= range.first && index < range.first + range.count) out[index - range.first] += change;
        }
    }
}

void NamedWeights::read(const WeightRef& weight, ElementRange range, std::span<float> out) const {
    std::vector<double> values(out.size());
    read(weight, range, std::span<double>(values));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[i]);
}

NormParameters NamedWeights::norm(const NormSpec& spec) const {
    const std::size_t width = static_cast<std::size_t>(spec.d);
    NormParameters result{std::vector<double>(width), std::vector<double>(spec.bias.empty() ? 0 : width)};
    read({spec.weight, {spec.d}, {}}, {0, width}, std::span<double>(result.gamma));
    for (double& value : result.gamma) value = static_cast<double>(static_cast<float>(std::exp(value)));
    if (!spec.bias.empty()) read({spec.bias, {spec.d}, {}}, {0, width}, std::span<double>(result.beta));
    return result;
}

std::vector<TinyModel> tiny_models() {
    std::vector<TinyModel> models{gpt(), encoder(), gated(), parallel(), pictures()};
    const std::vector<TinyModel> others = more_tiny_models();
    models.insert(models.end(), others.begin(), others.end());
    return models;
}

}  // namespace deadscope::testing

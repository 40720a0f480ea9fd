// The MLP of a block, and the mixture of experts that may stand in its place.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/model/plan_builder.h"

namespace deadscope {
namespace {

// Names as transformers' ACT2FN has them. gelu_fast, gelu_new and gelu_pytorch_tanh are one formula.
constexpr std::array<std::pair<std::string_view, Activation>, 20> activations{{
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_accurate", Activation::gelu_tanh},
    {"gelu_python_tanh", Activation::gelu_tanh},
    {"gelu_bloom", Activation::gelu_bloom},
    {"quick_gelu", Activation::quick_gelu},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"tanh", Activation::tanh},
    {"relu2", Activation::relu_squared},
    {"linear", Activation::identity},
    {"sigmoid", Activation::sigmoid},
    {"mish", Activation::mish},
    {"elu", Activation::elu},
    {"leaky_relu", Activation::leaky_relu},
    {"identity", Activation::identity},
}};

Activation read_activation(const ConfigValues& values, const Amount& own) {
    const Amount amount = given(own) ? own : Amount(std::string("activation"));
    const std::string word = values.word(amount);
    std::vector<std::string> names;
    for (const auto& [name, activation] : activations) {
        if (name == word) return activation;
        names.emplace_back(name);
    }
    values.wrong(amount, "one of " + join(names, ", "));
}

std::string with_expert(std::string name, std::int64_t expert) {
    const std::size_t at = name.find("{e}");
    return at == std::string::npos ? name : name.replace(at, 3, std::to_string(expert));
}

}  // namespace

MlpSpec PlanBuilder::mlp(const MlpData& data, const Block& block) const {
    MlpSpec out = mlp_maps(data, block, {});
    out.inner_norm = block.norms.mlp_inner;
    if (!data.xielu.empty()) {
        const auto number = [&](const char* name, std::vector<std::int64_t> shape, double initial) {
            return tensors_.weight_behind_ones(tensors_.in_block(block.number, data.xielu + name),
                                               std::move(shape), {Initialiser::Kind::constant, initial, 0.0});
        };
        // As published: both slopes 0.8 at the start.
        out.xielu = XieluSpec{number("alpha_p", {1}, std::log(std::expm1(0.8))),
                              number("alpha_n", {1}, std::log(std::expm1(0.3))), number("beta", {}, 0.5)};
    }
    return out;
}

// `expert`: which matrix of tensors that hold several.
MlpSpec PlanBuilder::mlp_maps(const MlpData& data, const Block& block, const Slice& expert) const {
    const ConfigValues& values = block.values;
    const std::int64_t inner =
        values.size(given(data.inner) ? data.inner : Amount(std::string("inner")), inner_limit);
    const auto part = [&](std::int64_t rows, std::int64_t first, bool interleaved) {
        Slice slice = expert;
        slice.rows = rows;
        slice.first = first;
        if (interleaved) {
            slice.group_rows = 1;
            slice.group_stride = 2;
        }
        return slice;
    };
    MlpSpec out;
    if (data.xielu.empty()) out.activation = read_activation(values, data.activation);
    if (data.fused) {
        const bool interleaved = data.order == GateOrder::interleaved;
        const std::int64_t second = interleaved ? 1 : inner;
        const bool gate_first = data.order != GateOrder::up_gate;
        out.gate =
            linear(*data.gate, block, d_, inner, part(2 * inner, gate_first ? 0 : second, interleaved));
        out.up = linear(data.up, block, d_, inner, part(2 * inner, gate_first ? second : 0, interleaved));
    } else {
        if (data.gate) out.gate = linear(*data.gate, block, d_, inner, expert);
        out.up = linear(data.up, block, d_, inner, expert);
    }
    out.down = linear(data.down, block, inner, d_, expert);
    out.limit = values.number(data.limit, 0.0);
    out.alpha = values.number(data.alpha, 0.0);
    return out;
}

MlpSpec PlanBuilder::expert(const ExpertsData& data, const Block& block, std::int64_t number,
                            std::int64_t count) const {
    MlpData one = data.expert;
    Slice slice;
    const bool own = one.down.tensor.find("{e}") != std::string::npos;
    if (!own) {
        slice.matrices = count;
        slice.matrix = number;
    }
    for (LinearData* map : {one.gate ? &*one.gate : nullptr, &one.up, &one.down}) {
        if (map == nullptr) continue;
        map->tensor = with_expert(map->tensor, number);
        map->bias_tensor = with_expert(map->bias_tensor, number);
    }
    return mlp_maps(one, block, slice);
}

ExpertsSpec PlanBuilder::experts(const ExpertsData& data, const Block& block) const {
    const ConfigValues& values = block.values;
    const std::int64_t count = values.size(data.count, expert_limit);
    ExpertsSpec out;
    out.scoring = data.scoring;
    out.router = linear(data.router, block, d_, count);
    out.correction = vector(data.correction, block, count, zero_init);
    out.chosen = values.size(data.chosen, count);
    out.renormalise = values.flag(data.renormalise);
    out.scale = values.number(data.scale, 1.0);
    out.groups = given(data.groups) ? values.size(data.groups, count) : 1;
    out.groups_chosen = given(data.groups_chosen) ? values.size(data.groups_chosen, out.groups) : out.groups;
    out.group_by_top_two = values.flag(data.group_by_top_two);
    if (count % out.groups != 0)
        values.wrong(data.groups, "a divisor of the " + std::to_string(count) + " experts");
    if (out.chosen > count / out.groups * out.groups_chosen)
        values.wrong(data.chosen, "no more experts than the chosen groups hold");
    for (std::int64_t i = 0; i < count; ++i) out.experts.push_back(expert(data, block, i, count));
    out.router_norm = block.norms.router;
    out.norm = block.norms.experts;
    out.out_norm = block.norms.experts_out;
    out.shared_out_norm = block.norms.shared_out;
    out.router_scale = values.number(data.router_scale, 1.0);
    out.expert_scale = vector(data.expert_scale, block, count, one_init);
    if (data.shared) out.shared = mlp_maps(*data.shared, block, {});
    if (data.shared_gate) out.shared_gate = linear(*data.shared_gate, block, d_, 1);
    return out;
}

// The reading is taken behind the last block's own norm, which the convolution's would follow.
ConvolutionSpec PlanBuilder::convolution(const ConvolutionData& data, const Block& block) const {
    const ConfigValues& values = block.values;
    if (layers_ < 2) values.wrong("layers", "a block behind the one with the convolution");
    ConvolutionSpec out;
    out.width = values.size(data.width, 1 << 10);
    if (out.width % 2 == 0) values.wrong(data.width, "an odd number of tokens");
    out.activation = read_activation(values, data.activation);
    const std::string name = tensors_.with_prefix(data.tensor);
    out.weight = tensors_.weight(name + ".weight", {d_, d_, out.width}, init_);
    out.bias = tensors_.weight(name + ".bias", {d_}, zero_init);
    out.norm = *block.norms.convolution;
    return out;
}

// The scales are Gemma's: 1/√d, √width and 1/√2.
LayerInputSpec PlanBuilder::layer_input(const LayerInputData& data, const Block& block) const {
    const ConfigValues& values = block.values;
    LayerInputSpec out;
    out.width = values.size(data.width, width_limit);
    out.first = block.number * out.width;
    const std::int64_t all = layers_ * out.width;
    out.table = tensors_.weight(tensors_.with_prefix(data.table),
                                {values.size(data.vocabulary, token_limit), all}, init_);
    out.table_scale = std::sqrt(static_cast<double>(out.width));
    out.projection_scale = 1.0 / std::sqrt(static_cast<double>(d_));
    out.scale = 1.0 / std::sqrt(2.0);
    out.projection = linear(data.projection, tensors_.with_prefix(data.projection.tensor), values, d_,
                            out.width, {.rows = all, .first = out.first});
    out.norm = *block.layer_inputs;
    out.gate = linear(data.gate, block, d_, out.width);
    out.out = linear(data.out, block, out.width, d_);
    out.activation = read_activation(values, {});
    out.out_norm = block.norms.layer_input;
    return out;
}

}  // namespace deadscope

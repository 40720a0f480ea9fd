// Models for the rest of the plan's vocabulary, several parts to a model, none at its default.
#include "tests/core/forward/tiny_parts.h"

namespace deadscope::testing {
namespace {

using namespace tiny;
using Kind = NormKind;

// Windows, capped scores, sinks, values narrower than keys, norms inside heads, a rotation in the middle of
// each head, norms behind the branches, scales of branches, channels and blocks, limited gates; a head with
// bias, scale and cap.
TinyModel windows() {
    TinyModel model{
        "windows",
        plan("windows", {block("0", Kind::rms_norm, 4, 2, 8), block("1", Kind::rms_norm, 4, 2, 8)}),
        tokens({21, 1, 9})};
    model.plan.token_input = token_input(0);
    model.plan.final_norm->bias.clear();
    model.plan.head.linear.bias = tensor("head.bias", {vocabulary});
    model.plan.head.scale = 0.7;
    model.plan.head.cap = 2.5;
    for (std::size_t i = 0; i < 2; ++i) {
        BlockSpec& spec = model.plan.blocks[i];
        const std::string name = std::to_string(i);
        AttentionSpec& a = spec.attention;
        a.value_dim = 5;
        a.v = linear(name + ".v", d, 10, true);
        a.o = linear(name + ".o", 20, d, true);
        a.window = 4 + 3 * static_cast<std::int64_t>(i);
        a.score_cap = 1.5;
        a.sinks = tensor(name + ".sinks", {4});
        a.rotary = {.first = 2, .dims = 4, .inverse_frequencies = {1.0, 0.3}, .attention_factor = 1.2};
        a.q_norm = {{norm(name + ".qn", Kind::rms_norm, false, 8)}, 8};
        a.k_norm = {
            {norm(name + ".kn0", Kind::layer_norm, true, 8), norm(name + ".kn1", Kind::layer_norm, true, 8)},
            8};
        a.v_norm = {{norm(name + ".vn", Kind::rms_norm, false, 5)}, 5};
        a.norm_after_rotary = i == 1;
        a.inner_norm = norm(name + ".inner", Kind::layer_norm, true, 20);
        spec.attention_out_norm = norm(name + ".ao", Kind::rms_norm, false);
        spec.mlp_out_norm = norm(name + ".mo", Kind::rms_norm, false);
        spec.branch_scale = 0.8;
        spec.attention_scale = tensor(name + ".as", {d});
        spec.mlp_scale = tensor(name + ".ms", {d});
        spec.output_scale = tensor(name + ".os", {1});
        spec.mlp.gate = linear(name + ".gate", d, 20, true);
        spec.mlp.limit = 0.6;
        spec.mlp.alpha = i == 0 ? 1.702 : 0.0;
        spec.mlp.activation = Activation::mish;
        spec.mlp.inner_norm = norm(name + ".mi", Kind::layer_norm, true, 20);
    }
    model.plan.blocks[1].attention_norm.reset();
    return model;
}

// T5's buckets, unscaled, with a window to both sides; norms over all heads together; clipping; slopes; a
// rotation for long inputs.
TinyModel relative() {
    TinyModel model{
        "relative",
        plan("relative", {block("0", Kind::rms_norm, 3, 3, 4), block("1", Kind::rms_norm, 3, 3, 4)}),
        tokens({40, 7})};
    model.plan.token_input = token_input(0);
    model.plan.head = {};
    for (std::size_t i = 0; i < 2; ++i) {
        BlockSpec& spec = model.plan.blocks[i];
        const std::string name = std::to_string(i);
        AttentionSpec& a = spec.attention;
        a.scale = 1.0;
        a.causal = i == 1;
        a.relative_bias = {tensor("relative", {8, 3}), 8, 20, i == 0};
        a.window = i == 0 ? 11 : 0;
        a.clip = 0.9;
        a.q_norm = {{norm(name + ".qn", Kind::rms_norm, false, 12)}, 12};
        a.k_norm = {{norm(name + ".kn", Kind::rms_norm, false, 12)}, 12};
        a.rotary.dims = 4;
        a.rotary.inverse_frequencies = {1.0, 0.1};
        a.rotary.long_inverse_frequencies = {0.5, 0.02};
        a.rotary.long_beyond = i == 0 ? 39 : 40;  // the first is beyond, the second not
        if (i == 1) a.slopes = {0.5, 0.1, 0.02};
        spec.mlp.activation = Activation::leaky_relu;
    }
    return model;
}

// Disentangled attention with and without log buckets and either term, a normed table; a table narrower than
// the stream, projected before the norm.
TinyModel disentangled() {
    TinyModel model{
        "disentangled",
        plan("disentangled", {block("0", Kind::layer_norm, 2, 2, 6), block("1", Kind::layer_norm, 2, 2, 6)}),
        tokens({30, 4, 18})};
    model.plan.norm_position = NormPosition::post;
    model.plan.final_norm.reset();
    model.plan.head = {};
    TokenInputSpec input = token_input(0);
    input.tokens = tensor("narrow", {vocabulary, 5});
    input.positions = tensor("narrow positions", {33, 5});
    input.token_types = tensor("narrow types", {2, 5});
    input.projection = linear("projection", 5, d, false);
    input.projection_place = TokenInputSpec::ProjectionPlace::before_norm;
    input.norm = norm("embedding_norm", Kind::layer_norm, true);
    model.plan.token_input = input;
    for (std::size_t i = 0; i < 2; ++i) {
        AttentionSpec& a = model.plan.blocks[i].attention;
        const std::string name = std::to_string(i);
        a.causal = false;
        a.disentangled.table = tensor("places", {16, d});
        a.disentangled.span = 8;
        a.disentangled.key = linear(name + ".pk", d, 12, true);
        if (i == 0) {
            a.disentangled.norm = norm("places_norm", Kind::layer_norm, true);
            a.disentangled.query = linear(name + ".pq", d, 12, true);
            a.disentangled.buckets = 8;
            a.disentangled.max_distance = 24;
        }
        model.plan.blocks[i].mlp.activation = Activation::elu;
    }
    return model;
}

// One expert of a tensor that holds all, gate and up in turn row by row; stored either way.
MlpSpec expert(const std::string& name, std::int64_t index, std::int64_t experts, bool stored_in_out) {
    constexpr std::int64_t inner = 7;
    MlpSpec spec;
    const auto part = [&](const std::string& tensor_name, std::int64_t in, std::int64_t out,
                          std::int64_t all) {
        LinearSpec map = linear(name + tensor_name, in, out, true);
        map.weight.shape = stored_in_out ? std::vector{experts, in, all} : std::vector{experts, all, in};
        map.bias.shape = {experts, all};
        map.stored_in_out = stored_in_out;
        map.matrix = index;
        return map;
    };
    spec.gate = part(".gate_up", d, inner, 2 * inner);
    spec.up = part(".gate_up", d, inner, 2 * inner);
    spec.up.first_row = 1;
    spec.gate.group_rows = spec.up.group_rows = 1;
    spec.gate.group_stride = spec.up.group_stride = 2;
    spec.down = part(".down", inner, d, d);
    spec.activation = Activation::silu;
    return spec;
}

LatentSpec latent(const std::string& name, bool with_q) {
    LatentSpec spec;
    if (with_q) {
        spec.q_down = linear(name + ".q_down", d, 7, true);
        spec.q_norm = norm(name + ".q_latent", Kind::rms_norm, false, 7);
    }
    spec.kv_rank = 6;
    spec.rope = 4;
    spec.kv_down = linear(name + ".kv_down", d, 6, false);
    spec.kv_down.weight.shape = {10, d};  // the rotated key behind the latent
    spec.k_rope = linear(name + ".kv_down", d, 4, false);
    spec.k_rope.weight.shape = {10, d};
    spec.k_rope.first_row = 6;
    spec.kv_norm = norm(name + ".kv_latent", Kind::rms_norm, false, 6);
    return spec;
}

// Latent attention, with and without a latent of the queries, keys and values in turn in one tensor; experts
// by sigmoid, groups and a correction beside a gated shared one, then the highest logits alone.
TinyModel routed() {
    TinyModel model{
        "routed", plan("routed", {block("0", Kind::rms_norm, 3, 3, 7), block("1", Kind::rms_norm, 3, 3, 7)}),
        tokens({12, 19})};
    model.plan.token_input = token_input(0);
    for (std::int64_t i = 0; i < 2; ++i) {
        BlockSpec& spec = model.plan.blocks[static_cast<std::size_t>(i)];
        const std::string name = std::to_string(i);
        AttentionSpec& a = spec.attention;
        a.value_dim = 5;
        a.latent = latent(name, i == 0);
        a.q = linear(name + ".q", i == 0 ? 7 : d, 21, false);
        a.k = linear(name + ".kv", 6, 9, true);
        a.v = linear(name + ".kv", 6, 15, true);
        for (LinearSpec* map : {&a.k, &a.v}) {
            map->weight.shape = {24, 6};
            map->bias.shape = {24};
            map->group_stride = 8;
        }
        a.k.group_rows = 3;
        a.v.group_rows = 5;
        a.v.first_row = 3;
        a.o = linear(name + ".o", 15, d, false);
        a.rotary = {.first = 3, .dims = 4, .interleaved = true, .inverse_frequencies = {1.0, 0.3}};
        spec.mlp = {};
        spec.experts.router = linear(name + ".router", d, 6, i == 1);
        for (std::int64_t e = 0; e < 6; ++e)
            spec.experts.experts.push_back(expert(name + ".experts", e, 6, i == 1));
        spec.experts.chosen = 2 + i;
    }
    ExpertsSpec& first = model.plan.blocks[0].experts;
    first.scoring = ExpertsSpec::Scoring::sigmoid;
    first.correction = tensor("0.correction", {6});
    first.renormalise = true;
    first.scale = 2.5;
    first.groups = 3;
    first.groups_chosen = 2;
    first.group_by_top_two = true;
    first.shared.up = linear("0.shared.up", d, 9, true);
    first.shared.down = linear("0.shared.down", 9, d, true);
    first.shared_gate = linear("0.shared.gate", d, 1, false);
    model.plan.blocks[1].experts.scoring = ExpertsSpec::Scoring::softmax_chosen;
    return model;
}

// Keys and values of the block before; experts beside attention, by softmax over all; slopes as Falcon rounds
// them.
TinyModel shared_keys() {
    TinyModel model{
        "shared_keys",
        plan("shared_keys", {block("0", Kind::layer_norm, 4, 1, 6), block("1", Kind::layer_norm, 4, 1, 6)}),
        tokens({17, 2, 8, 8})};
    model.plan.token_input = token_input(0);
    for (std::size_t i = 0; i < 2; ++i) {
        BlockSpec& spec = model.plan.blocks[i];
        const std::string name = std::to_string(i);
        spec.parallel = true;
        spec.attention.slopes = {0.3, 0.07, 0.011, 0.9};
        spec.attention.slopes_in_bf16 = true;
        spec.mlp = {};
        spec.experts.router = linear(name + ".router", d, 5, false);
        for (std::int64_t e = 0; e < 5; ++e) {
            MlpSpec network;
            network.up = linear(name + ".expert" + std::to_string(e) + ".up", d, 6, true);
            network.down = linear(name + ".expert" + std::to_string(e) + ".down", 6, d, false);
            network.activation = Activation::sigmoid;
            spec.experts.experts.push_back(network);
        }
        spec.experts.scoring = ExpertsSpec::Scoring::softmax;
        spec.experts.renormalise = i == 0;
        spec.experts.chosen = 2;
    }
    model.plan.blocks[1].attention.keys_of = 0;
    model.plan.blocks[1].mlp_norm.reset();
    return model;
}

// Positions counted past padding, embeddings scaled by the share of masks, projected behind their norm.
TinyModel padded() {
    TinyModel model{
        "padded",
        plan("padded", {block("0", Kind::layer_norm, 2, 2, 6), block("1", Kind::layer_norm, 2, 2, 6)}),
        tokens({14, 9, 5})};
    TokenInputSpec input = token_input(0);
    input.tokens = tensor("narrow", {vocabulary, 5});
    input.positions = tensor("narrow positions", {20, 5});
    input.position_offset = 3;
    input.padding_token = 1;
    input.dropout = TokenDropoutSpec{2, 0.12};
    input.norm = norm("embedding_norm", Kind::layer_norm, true, 5);
    input.projection = linear("projection", 5, d, true);
    input.projection_place = TokenInputSpec::ProjectionPlace::after_norm;
    model.plan.token_input = input;
    for (const std::size_t place : {0u, 3u, 4u, 15u, 27u}) model.input.ids[place] = 1;
    for (const std::size_t place : {2u, 6u, 7u, 16u}) model.input.ids[place] = 2;
    for (BlockSpec& spec : model.plan.blocks) spec.attention.causal = false;
    return model;
}

// A projection before the positions and one before the head; norms behind the branches' sums.
TinyModel projected() {
    TinyModel model{
        "projected",
        plan("projected", {block("0", Kind::layer_norm, 2, 2, 6), block("1", Kind::layer_norm, 2, 2, 6)}),
        tokens({16, 10})};
    model.plan.norm_position = NormPosition::post;
    model.plan.final_norm.reset();
    TokenInputSpec input = token_input(20);
    input.tokens = tensor("narrow", {vocabulary, 5});
    input.projection = linear("project_in", 5, d, false);
    model.plan.token_input = input;
    model.plan.head.linear = linear("narrow head", 5, vocabulary, false);
    model.plan.head.projection = linear("project_out", d, 5, false);
    for (BlockSpec& spec : model.plan.blocks) spec.mlp.activation = Activation::relu;
    model.plan.blocks[0].attention_norm.reset();
    return model;
}

// Two class tokens and three registers before the patches; no norm, no bias.
TinyModel registers() {
    TinyModel model{
        "registers",
        plan("registers", {block("0", Kind::layer_norm, 3, 3, 4), block("1", Kind::layer_norm, 3, 3, 4)}),
        {}};
    model.plan.vocabulary = 0;
    model.plan.head = {};
    PatchInputSpec patches;
    patches.channels = 1;
    patches.image_height = patches.image_width = 6;
    patches.patch = 3;
    patches.kernel = tensor("kernel", {d, 1, 3, 3});
    patches.class_tokens = {tensor("class", {1, 1, d}), tensor("distillation", {1, 1, d})};
    patches.registers = tensor("registers", {1, 3, d});
    patches.register_count = 3;
    patches.positions = tensor("positions", {1, 6, d});
    model.plan.patch_input = patches;
    for (BlockSpec& spec : model.plan.blocks) spec.attention.causal = false;
    const Philox stream(4, "pixels");
    for (std::size_t i = 0; i < 3 * 36; ++i)
        model.input.pixels.push_back(static_cast<float>(stream.normal(i)));
    model.input.layout.starts = {0, 9, 18, 27};
    return model;
}

TinyModel sounds() {
    TinyModel model{
        "sounds",
        plan("sounds", {block("0", Kind::layer_norm, 3, 3, 4), block("1", Kind::layer_norm, 3, 3, 4)}),
        {}};
    model.plan.vocabulary = 0;
    model.plan.head = {};
    SoundInputSpec spec;
    spec.mel = 5;
    spec.frames = 14;
    spec.conv1 = tensor("conv1", {d, 5, 3});
    spec.conv1_bias = tensor("conv1_bias", {d});
    spec.conv2 = tensor("conv2", {d, d, 3});
    spec.conv2_bias = tensor("conv2_bias", {d});
    spec.positions = tensor("positions", {7, d});
    model.plan.sound_input = spec;
    for (BlockSpec& block : model.plan.blocks) block.attention.causal = false;
    const Philox stream(4, "features");
    for (std::size_t i = 0; i < 3 * 5 * 14; ++i)
        model.input.features.push_back(static_cast<float>(stream.normal(i)));
    model.input.layout.starts = {0, 7, 14, 21};
    return model;
}

}  // namespace

std::vector<TinyModel> more_tiny_models() {
    return {windows(), relative(),  disentangled(), routed(), shared_keys(),
            padded(),  projected(), registers(),    sounds()};
}

}  // namespace deadscope::testing

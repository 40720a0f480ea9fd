// A block's attention: where its maps lie in fused tensors, and what is added to its scores.
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/model/plan_builder.h"
#include "core/model/rotary.h"

namespace deadscope {
namespace {

// Slopes of ALiBi (arXiv 2108.12409): powers of 2^(-max / p) for p the next power of two; where there are
// fewer heads than p, every second first, then those between.
std::vector<double> alibi_slopes(std::int64_t heads, double max) {
    std::int64_t power = 1;
    while (power < heads) power *= 2;
    std::vector<std::int64_t> order;
    if (power == heads) {
        for (std::int64_t k = 1; k <= power; ++k) order.push_back(k);
    } else {
        for (std::int64_t k = 2; k <= power; k += 2) order.push_back(k);
        for (std::int64_t k = 1; k <= power; k += 2) order.push_back(k);
    }
    std::vector<double> slopes;
    for (std::int64_t head = 0; head < heads; ++head) {
        const auto k = static_cast<double>(order[static_cast<std::size_t>(head)]);
        slopes.push_back(std::exp2(-max * k / static_cast<double>(power)));
    }
    return slopes;
}

// `{i}` in the name is the block's number.
std::string with_number(std::string name, std::int64_t block) {
    const std::size_t at = name.find("{i}");
    return at == std::string::npos ? name : name.replace(at, 3, std::to_string(block));
}

}  // namespace

AttentionSpec PlanBuilder::attention(const Block& block) const {
    const AttentionData& data = block.data.attention;
    const ConfigValues& values = block.values;
    const HeadSizes sizes = head_sizes(values, data);
    AttentionSpec out;
    out.heads = sizes.heads;
    out.kv_heads = sizes.kv_heads;
    out.head_dim = sizes.head_dim;
    out.value_dim = sizes.value_dim == sizes.head_dim ? 0 : sizes.value_dim;
    out.causal = values.flag(data.causal);
    out.window = values.count(data.window, token_limit);
    out.scale =
        given(data.scale) ? values.number(data.scale) : 1.0 / std::sqrt(static_cast<double>(sizes.head_dim));
    double yarn_scale = 1.0;
    if (data.rotary) out.rotary = rotary(block, sizes, yarn_scale);
    if (data.scale_by_yarn) out.scale *= yarn_scale;
    out.score_cap = values.number(data.score_cap, 0.0);
    out.clip = values.number(data.clip, 0.0);
    out.clip_after_norm = data.clip_after_norm;
    if (values.flag(data.alibi.on)) {
        out.slopes = alibi_slopes(sizes.heads, values.number(data.alibi.max));
        out.slopes_in_bf16 = values.flag(data.alibi.bf16);
        if (values.flag(data.alibi.scaled) && !out.slopes_in_bf16) {
            for (double& slope : out.slopes) slope *= out.scale;
        }
    }
    out.sinks = vector(data.sinks, block, sizes.heads, init_);
    out.q_norm = block.norms.query;
    out.k_norm = block.norms.key;
    out.v_norm = block.norms.value;
    out.norm_after_rotary = values.flag(data.norm_after_rotary);
    out.keys_of = family_.blocks().keys_of(block.number);
    queries_keys_values(block, sizes, out);
    out.o = linear(data.out, block, sizes.heads * sizes.value_dim, d_);
    out.inner_norm = block.norms.attention_inner;
    if (data.relative_bias) {
        const RelativeBiasData& bias = *data.relative_bias;
        out.relative_bias.buckets = values.size(bias.buckets, width_limit);
        out.relative_bias.max_distance = values.size(bias.max_distance, token_limit);
        out.relative_bias.bidirectional = values.flag(bias.bidirectional);
        out.relative_bias.table = tensors_.weight(tensors_.with_prefix(with_number(bias.table, block.number)),
                                                  {out.relative_bias.buckets, sizes.heads}, init_);
    }
    if (data.disentangled) out.disentangled = disentangled(block, sizes);
    return out;
}

// Rows of a fused tensor by the order in which it holds its parts.
void PlanBuilder::queries_keys_values(const Block& block, const HeadSizes& sizes, AttentionSpec& out) const {
    const AttentionData& data = block.data.attention;
    const std::int64_t width = sizes.head_dim, value = sizes.value_dim;
    const std::int64_t q_rows = sizes.heads * width, k_rows = sizes.kv_heads * width,
                       v_rows = sizes.kv_heads * value, all = q_rows + k_rows + v_rows;
    const bool own_keys = !out.keys_of.has_value();
    if (data.latent) {
        out.latent = latent(block, sizes, out);
        return;
    }
    if (!data.fused) {
        out.q = linear(data.q, block, d_, q_rows);
        if (own_keys) out.k = linear(data.k, block, d_, k_rows);
        if (own_keys) out.v = linear(data.v, block, d_, v_rows);
        return;
    }
    Slice q{.rows = all}, k{.rows = all, .first = q_rows}, v{.rows = all, .first = q_rows + k_rows};
    const FusedOrder& order = data.order;
    using Kind = FusedOrder::Kind;
    if (order.kind == Kind::heads && sizes.heads != sizes.kv_heads)
        block.values.wrong("kv_heads", "as many key/value heads as heads, since the fused map goes by head");
    if (order.kind == Kind::heads || order.kind == Kind::groups) {
        const std::int64_t queries = sizes.heads / sizes.kv_heads * width, stride = queries + width + value;
        q = {.rows = all, .first = 0, .group_rows = queries, .group_stride = stride};
        k = {.rows = all, .first = queries, .group_rows = width, .group_stride = stride};
        v = {.rows = all, .first = queries + width, .group_rows = value, .group_stride = stride};
    }
    if (order.kind == Kind::split) {
        if (q_rows % order.shares != 0 || k_rows % order.shares != 0 || v_rows % order.shares != 0) {
            block.values.wrong(
                "heads", "heads that divide into the " + std::to_string(order.shares) + " shares of the map");
        }
        std::int64_t first = 0;
        for (const char part : order.parts) {
            Slice& slice = part == 'q' ? q : part == 'k' ? k : v;
            const std::int64_t rows = (part == 'q' ? q_rows : part == 'k' ? k_rows : v_rows) / order.shares;
            slice = {.rows = all, .first = first, .group_rows = rows, .group_stride = all / order.shares};
            first += rows;
        }
    }
    const auto part = [&](std::int64_t rows, const Slice& slice, const std::string& bias) {
        LinearSpec map = linear(data.q, block, d_, rows, slice);
        map.own_bias = !bias.empty();
        if (map.own_bias) map.bias = vector(bias, block, rows, zero_init);
        return map;
    };
    out.q = part(q_rows, q, data.q_bias);
    if (own_keys) out.k = part(k_rows, k, data.k_bias);
    if (own_keys) out.v = part(v_rows, v, data.v_bias);
}

// Sets q, k and v too.
LatentSpec PlanBuilder::latent(const Block& block, const HeadSizes& sizes, AttentionSpec& out) const {
    const LatentData& data = *block.data.attention.latent;
    const ConfigValues& values = block.values;
    LatentSpec spec;
    spec.kv_rank = values.size(data.kv_rank, width_limit);
    spec.rope = values.size(data.rope, sizes.head_dim);
    const std::int64_t nope = sizes.head_dim - spec.rope;
    if (nope < 1) values.wrong(data.rope, "fewer rotated channels than the head has");
    std::int64_t q_in = d_;
    if (data.q_down) {
        q_in = values.size(data.q_rank, width_limit);
        spec.q_down = linear(*data.q_down, block, d_, q_in);
    }
    spec.q_norm = block.norms.latent_query;
    const std::int64_t down_rows = spec.kv_rank + spec.rope;
    spec.kv_down = linear(data.kv_down, block, d_, spec.kv_rank, {.rows = down_rows});
    spec.k_rope = linear(data.kv_down, block, d_, spec.rope, {.rows = down_rows, .first = spec.kv_rank});
    spec.kv_norm = *block.norms.latent_key;
    const std::int64_t stride = nope + sizes.value_dim, up_rows = sizes.heads * stride;
    out.q = linear(block.data.attention.q, block, q_in, sizes.heads * sizes.head_dim);
    out.k = linear(data.kv_up, block, spec.kv_rank, sizes.heads * nope,
                   {.rows = up_rows, .first = 0, .group_rows = nope, .group_stride = stride});
    out.v = linear(data.kv_up, block, spec.kv_rank, sizes.heads * sizes.value_dim,
                   {.rows = up_rows, .first = nope, .group_rows = sizes.value_dim, .group_stride = stride});
    return spec;
}

DisentangledSpec PlanBuilder::disentangled(const Block& block, const HeadSizes& sizes) const {
    const DisentangledData& data = *block.data.attention.disentangled;
    const ConfigValues& values = block.values;
    DisentangledSpec out;
    out.span = values.size(data.span, token_limit);
    out.buckets = values.count(data.buckets, token_limit);
    out.max_distance = values.size(data.max_distance, token_limit);
    out.table = tensors_.weight(tensors_.with_prefix(data.table), {2 * out.span, d_}, init_);
    if (data.norm)
        out.norm = tensors_.norm(*data.norm, tensors_.with_prefix(data.norm->tensor), NormRole::other,
                                 std::nullopt, d_, values_);
    if (data.query) out.query = linear(*data.query, block, d_, sizes.heads * sizes.head_dim);
    if (data.key) out.key = linear(*data.key, block, d_, sizes.heads * sizes.head_dim);
    return out;
}

// A GGUF file carries what longrope and llama3 come to as divisors.
std::vector<double> PlanBuilder::factors_in_file(const std::string& name) const {
    const auto flag = values_.config().find("gguf");
    if (flag == nullptr || *flag != nlohmann::json(true)) return {};
    return numbers_in_file(name);
}

// Nothing where the file has no such tensor.
std::vector<double> PlanBuilder::numbers_in_file(const std::string& name) const {
    const Checkpoint& checkpoint = tensors_.checkpoint();
    const TensorInfo* tensor = checkpoint.find(name);
    if (tensor == nullptr) return {};
    if (tensor->elements > static_cast<std::uint64_t>(width_limit) || !is_floating(tensor->dtype)) {
        throw Error::input("The file's numbers for the rotary frequencies cannot be used",
                           {.file = checkpoint.file_of(*tensor),
                            .key = name,
                            .expected = "one floating number a frequency",
                            .found = shape_text(tensor->shape)});
    }
    return checkpoint.read_all(*tensor);
}

RotarySpec PlanBuilder::rotary(const Block& block, const HeadSizes& sizes, double& yarn_scale) const {
    const AttentionData& data = block.data.attention;
    RotaryInput input;
    input.head_dim = data.latent ? block.values.size(data.latent->rope, sizes.head_dim) : sizes.head_dim;
    input.first = data.latent ? sizes.head_dim - input.head_dim : 0;
    if (values_.lists("context")) input.context = values_.size("context", token_limit);
    if (data.rotary->divided) input.divisors = factors_in_file("rope_freqs.weight");
    input.short_factors = factors_in_file("rope_factors_short.weight");
    input.long_factors = factors_in_file("rope_factors_long.weight");
    for (const std::string& name : data.rotary->frequencies) {
        input.frequencies = numbers_in_file(tensors_.with_prefix(name));
        if (!input.frequencies.empty()) break;
    }
    Rotary made = make_rotary(block.values, *data.rotary, input);
    yarn_scale = made.score_scale;
    return std::move(made.spec);
}

}  // namespace deadscope

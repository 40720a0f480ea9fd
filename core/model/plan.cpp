// Applies a family's data to a checkpoint's configuration and tensors: the plan, with every tensor checked.
#include "core/model/plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/zoo.h"
#include "core/model/family.h"
#include "core/model/rotary.h"

namespace deadscope {
namespace {

// Names as transformers' ACT2FN has them. gelu_fast, gelu_new and gelu_pytorch_tanh are one formula.
constexpr std::array<std::pair<std::string_view, Activation>, 14> activations{{
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_accurate", Activation::gelu_tanh},
    {"gelu_python_tanh", Activation::gelu_tanh},
    {"quick_gelu", Activation::quick_gelu},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"tanh", Activation::tanh},
    {"relu2", Activation::relu_squared},
    {"linear", Activation::identity},
}};

Activation read_activation(const ConfigValues& values) {
    const std::string word = values.word("activation");
    std::vector<std::string> names;
    for (const auto& [name, activation] : activations) {
        if (name == word) return activation;
        names.emplace_back(name);
    }
    values.config().wrong(values.key_of("activation"), "one of " + join(names, ", "));
}

constexpr Initialiser zero_init{Initialiser::Kind::constant, 0.0, 0.0};

// Rows of a fused tensor: where a part begins, and how many rows the whole has.
struct Fused {
    std::int64_t first_row = 0, rows = 0;
};

// Makes the parts of one plan. Thread rule: local to make_plan().
class Builder {
public:
    Builder(const ConfigValues& values, const RequiredTensors& tensors)
        : values_(values),
          data_(values.architecture()),
          tensors_(tensors),
          d_(values.size("width", width_limit)),
          layers_(values.size("layers", layers_limit)),
          inner_(values.size("inner", inner_limit)) {
        const double std = values.number("init_std");
        if (!(std >= 0.0 && std < 1e3))
            values.config().wrong(values.key_of("init_std"), "a small positive number");
        init_ = {Initialiser::Kind::normal, 0.0, std};
        read_heads();
    }

    Plan build() {
        values_.refuse_unknown_options();
        FamilyNorms norms = family_norms(values_, tensors_);
        Plan plan;
        plan.model_type = data_.model_type;
        plan.family = data_.family;
        plan.d = d_;
        plan.norm_position = data_.norm_position;
        if (data_.tokens) plan.token_input = token_input(plan, norms);
        if (data_.patches) plan.patch_input = patch_input(plan, norms);
        context_ = plan.context;
        if (data_.block.attention.rotary) rotary_ = make_rotary(values_, head_dim_, context_);
        const bool parallel = is_parallel(values_);
        for (std::int64_t i = 0; i < layers_; ++i) {
            const auto block = static_cast<std::size_t>(i);
            BlockSpec& spec = plan.blocks.emplace_back();
            spec.attention_norm = norms.attention[block];
            spec.mlp_norm = norms.mlp[block];
            spec.attention = attention(i);
            spec.mlp = mlp(i);
            spec.parallel = parallel;
        }
        plan.final_norm = norms.final;
        if (plan.token_input && !data_.head.empty()) plan.head.linear = head(*plan.token_input);
        plan.byte_vocabulary = has_byte_vocabulary(tensors_.checkpoint().source());
        plan.norms = norms.in_order(/*with_heads=*/false);
        plan.final_norm_index = final_norm_index(plan.norms);
        return plan;
    }

private:
    void read_heads() {
        heads_ = values_.size("heads", width_limit);
        kv_heads_ = has("kv_heads") ? values_.size("kv_heads", heads_) : heads_;
        if (!has("head_dim") && d_ % heads_ != 0) {
            values_.config().wrong(values_.key_of("heads"), "a divisor of the width " + std::to_string(d_));
        }
        head_dim_ = has("head_dim") ? values_.size("head_dim", width_limit) : d_ / heads_;
        if (heads_ % kv_heads_ != 0) {
            values_.config().wrong(values_.key_of("kv_heads"),
                                   "a divisor of the " + std::to_string(heads_) + " heads");
        }
        if (heads_ * head_dim_ > inner_limit) {
            values_.config().wrong(values_.key_of("heads"),
                                   "heads times head size of at most " + std::to_string(inner_limit));
        }
    }

    bool has(const std::string& quantity) const { return data_.config.contains(quantity); }

    // The part of `rows` rows of a linear map; `fused`: where it lies in a tensor that holds several.
    LinearSpec linear(const LinearData& data, std::int64_t block, std::int64_t in, std::int64_t rows,
                      Fused fused = {}) const {
        const std::string name = tensors_.in_block(block, data.tensor);
        const std::int64_t all = fused.rows == 0 ? rows : fused.rows;
        Initialiser init = init_;
        if (data.scaled_init) init.b /= std::sqrt(2.0 * static_cast<double>(layers_));
        LinearSpec out;
        out.in = in;
        out.out = rows;
        out.first_row = fused.first_row;
        out.stored_in_out = data.stored_in_out;
        std::vector<std::int64_t> shape{all, in};
        if (data.stored_in_out) std::swap(shape[0], shape[1]);
        out.weight = tensors_.weight(name + ".weight", std::move(shape), init);
        const std::string* condition = std::get_if<std::string>(&data.bias);
        const bool biased = condition != nullptr ? values_.flag(*condition) : std::get<bool>(data.bias);
        if (biased) {
            out.bias = tensors_.weight(name + ".bias", {all}, zero_init);
        } else {
            tensors_.refuse(name + ".bias", condition != nullptr ? values_.key_of(*condition) : "");
        }
        return out;
    }

    AttentionSpec attention(std::int64_t block) const {
        const AttentionData& data = data_.block.attention;
        const std::int64_t q_rows = heads_ * head_dim_, kv_rows = kv_heads_ * head_dim_;
        AttentionSpec out;
        out.heads = heads_;
        out.kv_heads = kv_heads_;
        out.head_dim = head_dim_;
        out.causal = data.causal;
        out.scale = scale(block);
        out.rotary = rotary_;
        const std::int64_t all = data.fused ? q_rows + 2 * kv_rows : 0;
        out.q = linear(data.q, block, d_, q_rows, {0, all});
        out.k = linear(data.k, block, d_, kv_rows, {data.fused ? q_rows : 0, all});
        out.v = linear(data.v, block, d_, kv_rows, {data.fused ? q_rows + kv_rows : 0, all});
        out.o = linear(data.out, block, q_rows, d_);
        return out;
    }

    // 1/sqrt(head size), unless the family has switches for it (GPT-2's scale_attn_weights and by block).
    double scale(std::int64_t block) const {
        const bool scaled = !has("scale_scores") || values_.flag("scale_scores");
        const bool by_block = has("scale_scores_by_block") && values_.flag("scale_scores_by_block");
        const double by_size = scaled ? 1.0 / std::sqrt(static_cast<double>(head_dim_)) : 1.0;
        return by_block ? by_size / static_cast<double>(block + 1) : by_size;
    }

    MlpSpec mlp(std::int64_t block) const {
        const MlpData& data = data_.block.mlp;
        MlpSpec out;
        out.activation = read_activation(values_);
        if (data.gate) out.gate = linear(*data.gate, block, d_, inner_);
        out.up = linear(data.up, block, d_, inner_);
        out.down = linear(data.down, block, inner_, d_);
        return out;
    }

    TokenInputSpec token_input(Plan& plan, const FamilyNorms& norms) const {
        const TokensData& data = *data_.tokens;
        plan.vocabulary = values_.size("vocabulary", token_limit);
        plan.context = values_.size("context", token_limit);
        TokenInputSpec out;
        out.tokens = tensors_.weight(tensors_.with_prefix(data.table), {plan.vocabulary, d_}, init_);
        if (!data.positions.empty()) {
            out.positions = tensors_.weight(tensors_.with_prefix(data.positions), {plan.context, d_}, init_);
        }
        if (!data.token_types.empty()) {
            const std::int64_t types = values_.size("token_types", token_limit);
            out.token_types = tensors_.weight(tensors_.with_prefix(data.token_types), {types, d_}, init_);
        }
        out.norm = norms.input;
        return out;
    }

    PatchInputSpec patch_input(Plan& plan, const FamilyNorms& norms) const {
        const PatchesData& data = *data_.patches;
        PatchInputSpec out;
        const auto [height, width] = values_.extent("image_size", 1 << 16);
        const auto [patch, patch_width] = values_.extent("patch", 1 << 12);
        out.channels = values_.size("channels", 1 << 10);
        out.image_height = height;
        out.image_width = width;
        out.patch = patch;
        if (patch != patch_width) values_.config().wrong(values_.key_of("patch"), "square patches");
        if (height % patch != 0 || width % patch != 0) {
            values_.config().wrong(values_.key_of("image_size"),
                                   "a multiple of the patch size " + std::to_string(patch));
        }
        const std::string projection = tensors_.with_prefix(data.projection);
        out.kernel = tensors_.weight(projection + ".weight", {d_, out.channels, patch, patch}, init_);
        out.bias = tensors_.weight(projection + ".bias", {d_}, zero_init);
        // transformers draws these two by trunc_normal_, which cuts at ±2 absolute: 100 standard deviations
        // of 0.02.
        if (!data.class_token.empty())
            out.class_tokens.push_back(
                tensors_.weight(tensors_.with_prefix(data.class_token), {1, 1, d_}, init_));
        plan.context = out.tokens_per_image();
        if (!data.positions.empty()) {
            out.positions =
                tensors_.weight(tensors_.with_prefix(data.positions), {1, plan.context, d_}, init_);
        }
        out.norm = norms.input;
        return out;
    }

    // Tied: the token table. Untied: its own tensor; a model saved without its head (GPT2Model, LlamaModel)
    // has none.
    LinearSpec head(const TokenInputSpec& input) const {
        const std::string name = data_.head + ".weight";
        const std::int64_t vocabulary = input.tokens.shape[0];
        LinearSpec out;
        out.in = d_;
        out.out = vocabulary;
        if (values_.flag("tied_head")) {
            out.weight = input.tokens;
            if (tensors_.has(name)) check_tied(tensors_.weight(name, {vocabulary, d_}, init_), input.tokens);
        } else if (tensors_.has(name) || expects_head()) {
            out.weight = tensors_.weight(name, {vocabulary, d_}, init_);
        } else {
            return {};
        }
        tensors_.refuse(data_.head + ".bias", "");
        return out;
    }

    bool expects_head() const {
        const auto classes = values_.config().texts("architectures");
        return std::ranges::any_of(classes, [](const std::string& name) {
            return name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel");
        });
    }

    // A head that is said to be the token table but stands in the file with other values contradicts the
    // configuration. Some rows all over the table are compared: the whole may be gigabytes.
    void check_tied(const WeightRef& head, const WeightRef& table) const {
        const Checkpoint& checkpoint = tensors_.checkpoint();
        const TensorInfo &a = *checkpoint.find(head.name), &b = *checkpoint.find(table.name);
        const auto d = static_cast<std::uint64_t>(d_), rows = static_cast<std::uint64_t>(head.shape[0]);
        const std::uint64_t compared = std::min<std::uint64_t>(rows, 64);
        std::vector<float> row_a(d), row_b(d);
        for (std::uint64_t k = 0; k < compared; ++k) {
            const ElementRange range{k * rows / compared * d, d};
            checkpoint.read(a, range, row_a);
            checkpoint.read(b, range, row_b);
            if (row_a == row_b) continue;
            throw Error::input(
                "The head differs from the token table that the configuration ties it to",
                {.file = checkpoint.file_of(a),
                 .key = head.name,
                 .expected = "the values of " + table.name + ", by " + values_.key_of("tied_head"),
                 .found = "others in row " + std::to_string(range.first / d)});
        }
    }

    const ConfigValues& values_;
    const Architecture& data_;
    const RequiredTensors& tensors_;
    std::int64_t d_, layers_, inner_, heads_ = 0, kv_heads_ = 0, head_dim_ = 0, context_ = 0;
    Initialiser init_;
    RotarySpec rotary_;
};

}  // namespace

Plan make_plan(const Checkpoint& checkpoint) {
    const std::string type = model_type_of(checkpoint);
    const auto architecture = find_architecture(type);
    if (!architecture) {
        throw Error::input(
            "The model's family is not known to this version",
            {.file = checkpoint.config_path(),
             .key = "model_type",
             .expected = "one of " + join(known_families(), ", "),
             .found = "\"" + type + "\"",
             .hint = "deadscope gamma reads its norms all the same; a family can be added as a file in " +
                     user_architecture_folder() + "."});
    }
    const ConfigValues values(JsonObject(checkpoint.config(), checkpoint.config_path()), *architecture);
    const RequiredTensors tensors(checkpoint, *architecture, values.size("layers", layers_limit));
    return Builder(values, tensors).build();
}

}  // namespace deadscope

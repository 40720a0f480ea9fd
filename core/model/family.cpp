// Applies a family's data and norm names to a checkpoint.
#include "core/model/family.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/model/towers.h"

namespace deadscope {
namespace {

// A norm's full name, after {h} where it has one.
std::string with_head(std::string name, std::int64_t head) {
    const std::size_t at = name.find("{h}");
    return at == std::string::npos ? name : name.replace(at, 3, std::to_string(head));
}

// Makes the norms of one block. Thread rule: local to family_norms().
class BlockNormReader {
public:
    BlockNormReader(const Family& family, std::int64_t block, std::int64_t d)
        : tensors_(family.tensors()),
          values_(family.values().in_block(block)),
          data_(family.blocks()[block]),
          family_(family),
          block_(block),
          d_(d) {}

    BlockNorms read() const {
        const AttentionData& attention = data_.attention;
        const HeadSizes sizes = head_sizes(values_, attention);
        const bool own_keys = !family_.blocks().keys_of(block_).has_value();
        BlockNorms out;
        out.attention = norm(data_.attention_norm, NormRole::attention, d_);
        if (attention.latent) {
            const LatentData& latent = *attention.latent;
            if (latent.q_norm)
                out.latent_query =
                    norm(latent.q_norm, NormRole::latent, values_.size(latent.q_rank, inner_limit));
            out.latent_key =
                norm(latent.kv_norm, NormRole::latent, values_.size(latent.kv_rank, inner_limit));
        }
        out.query = head_norm(attention.q_norm, NormRole::query, sizes.heads, sizes.head_dim);
        if (own_keys) {
            out.key = head_norm(attention.k_norm, NormRole::key, sizes.kv_heads, sizes.head_dim);
            out.value = head_norm(attention.v_norm, NormRole::value, sizes.kv_heads, sizes.value_dim);
        }
        out.attention_inner = norm(attention.inner_norm, NormRole::other, sizes.heads * sizes.value_dim);
        out.attention_out = norm(data_.attention_out_norm, NormRole::post_attention, d_);
        out.mlp = norm(data_.mlp_norm, NormRole::mlp, d_);
        if (data_.mlp && data_.mlp->inner_norm) {
            const Amount inner = given(data_.mlp->inner) ? data_.mlp->inner : Amount(std::string("inner"));
            out.mlp_inner = norm(data_.mlp->inner_norm, NormRole::other, values_.size(inner, inner_limit));
        }
        if (data_.experts) {
            out.router = norm(data_.experts->router_norm, NormRole::other, d_);
            out.experts = norm(data_.experts->norm, NormRole::mlp, d_);
            out.experts_out = norm(data_.experts->out_norm, NormRole::other, d_);
            out.shared_out = norm(data_.experts->shared_out_norm, NormRole::other, d_);
        }
        out.mlp_out = norm(data_.mlp_out_norm, NormRole::post_mlp, d_);
        if (data_.layer_input) out.layer_input = norm(data_.layer_input->out_norm, NormRole::other, d_);
        if (data_.convolution) {
            const NormData& behind = data_.convolution->norm;
            out.convolution = tensors_.norm(behind, tensors_.with_prefix(behind.tensor), NormRole::other,
                                            static_cast<std::size_t>(block_), d_, values_);
        }
        return out;
    }

private:
    std::optional<NormSpec> norm(const std::optional<NormData>& data, NormRole role,
                                 std::int64_t width) const {
        if (!data) return std::nullopt;
        return tensors_.norm(*data, tensors_.in_block(block_, data->tensor), role,
                             static_cast<std::size_t>(block_), width, values_);
    }

    HeadNormSpec head_norm(const std::optional<HeadNormData>& data, NormRole role, std::int64_t heads,
                           std::int64_t width) const {
        HeadNormSpec out;
        if (!data) return out;
        const bool many = data->norm.tensor.find("{h}") != std::string::npos;
        out.span = data->all ? heads * width : width;
        const std::int64_t rows = data->each ? heads : 1;
        for (std::int64_t head = 0; head < (many ? heads : 1); ++head) {
            out.parts.push_back(
                tensors_.norm(data->norm, tensors_.in_block(block_, with_head(data->norm.tensor, head)), role,
                              static_cast<std::size_t>(block_), out.span * rows, values_, rows));
        }
        return out;
    }

    const RequiredTensors& tensors_;
    ConfigValues values_;
    const BlockData& data_;
    const Family& family_;
    std::int64_t block_, d_;
};

// A block beyond the last says that the configuration is another model's.
void refuse_more_blocks(const Family& family) {
    const Architecture& data = family.data();
    const std::int64_t layers = family.blocks().size();
    if (given(data.block.groups)) return;
    const std::int64_t beyond = layers + family.values().count(data.block.spare, layers_limit);
    const auto refuse = [&](const std::string& name) {
        family.tensors().refuse(family.tensors().in_block(beyond, name),
                                family.values().key_of("layers") + " = " + std::to_string(layers));
    };
    for (const auto* norm : {&data.block.attention_norm, &data.block.mlp_norm}) {
        if (*norm) refuse((*norm)->tensor + ".weight");
    }
    const LinearData& out = data.block.attention.out;
    refuse(out.whole ? out.tensor : out.tensor + ".weight");
}

}  // namespace

std::string model_type_of(const Checkpoint& checkpoint) {
    if (checkpoint.config().is_null()) {
        throw Error::input(
            "There is no config.json beside the weights, so the model's architecture is not known",
            {.file = checkpoint.config_path(),
             .expected = "config.json",
             .found = "nothing",
             .hint = "Its norms can be read all the same: deadscope gamma."});
    }
    const JsonObject config(checkpoint.config(), checkpoint.config_path());
    const auto type = config.text("model_type");
    if (!type) config.missing("model_type", "the family's name, for example \"gpt2\"");
    return *type;
}

std::unique_ptr<const Family> Family::of(const Checkpoint& checkpoint) {
    ChosenModel model = choose_model(checkpoint);
    if (!model.file) return nullptr;
    Architecture data = resolve_architecture(
        *model.file, JsonObject(*model.config, checkpoint.config_path(), model.config_path), checkpoint);
    return std::make_unique<const Family>(checkpoint, model.config, model.config_path, std::move(data),
                                          model.tower);
}

Family::Family(const Checkpoint& checkpoint, std::shared_ptr<const nlohmann::json> config,
               const std::string& config_path, Architecture data, std::string tower)
    : config_(std::move(config)),
      data_(std::move(data)),
      tower_(std::move(tower)),
      values_(JsonObject(*config_, checkpoint.config_path(), config_path), data_),
      blocks_(values_, values_.size("layers", layers_limit)),
      tensors_(checkpoint, data_, blocks_) {}

HeadSizes head_sizes(const ConfigValues& values, const AttentionData& attention) {
    // What the block gives, else the family's quantity of that name, else what follows from the others.
    const auto amount = [&](const Amount& own, const char* name) {
        if (given(own)) return own;
        return values.lists(name) ? Amount(std::string(name)) : Amount();
    };
    const Amount heads = amount(attention.heads, "heads"), kv_heads = amount(attention.kv_heads, "kv_heads"),
                 head_dim = amount(attention.head_dim, "head_dim"),
                 value_dim = amount(attention.value_dim, "value_dim");
    HeadSizes out;
    out.heads = values.size(heads, width_limit);
    out.kv_heads = given(kv_heads) ? values.size(kv_heads, out.heads) : out.heads;
    out.head_dim =
        values.size(given(head_dim) ? head_dim : Amount(std::string("width / heads")), width_limit);
    out.value_dim = given(value_dim) ? values.size(value_dim, width_limit) : out.head_dim;
    if (out.heads % out.kv_heads != 0)
        values.wrong(kv_heads, "a divisor of the " + std::to_string(out.heads) + " heads");
    if (out.heads * std::max(out.head_dim, out.value_dim) > inner_limit)
        values.wrong(heads, "heads times head size of at most " + std::to_string(inner_limit));
    return out;
}

std::vector<NormSpec> FamilyNorms::in_order(bool with_heads) const {
    std::vector<NormSpec> out;
    const auto add = [&](const std::optional<NormSpec>& norm) {
        if (norm) out.push_back(*norm);
    };
    const auto add_parts = [&](const HeadNormSpec& norm) {
        out.insert(out.end(), norm.parts.begin(), norm.parts.end());
    };
    add(input);
    add(relative_positions);
    add(layer_inputs);
    for (const BlockNorms& block : blocks) {
        if (position == NormPosition::pre) add(block.attention);
        add(block.latent_query);
        add(block.latent_key);
        add_parts(block.query);
        add_parts(block.key);
        add_parts(block.value);
        add(block.attention_inner);
        add(block.attention_out);
        if (position == NormPosition::post) add(block.attention);
        if (position == NormPosition::pre) add(block.mlp);
        add(block.mlp_inner);
        for (const auto* own : {&block.router, &block.experts, &block.experts_out, &block.shared_out})
            add(*own);
        add(block.mlp_out);
        if (position == NormPosition::post) add(block.mlp);
        add(block.layer_input);
        add(block.convolution);
    }
    add(final);
    if (with_heads) out.insert(out.end(), heads.begin(), heads.end());
    return out;
}

FamilyNorms family_norms(const Family& family) {
    const Architecture& data = family.data();
    const ConfigValues& values = family.values();
    const RequiredTensors& tensors = family.tensors();
    const std::int64_t d = values.size("width", width_limit);
    const auto norm = [&](const NormData& norm_data, const std::string& name, NormRole role,
                          std::int64_t width) {
        return tensors.norm(norm_data, name, role, std::nullopt, width, values);
    };
    FamilyNorms out;
    out.position = data.norm_position;
    if (data.tokens && data.tokens->norm) {
        // Ahead of a projection that comes last the norm is as wide as the table.
        const bool narrow =
            data.tokens->projection && data.tokens->place == TokenInputSpec::ProjectionPlace::after_norm;
        out.input = norm(*data.tokens->norm, tensors.with_prefix(data.tokens->norm->tensor),
                         NormRole::embedding, narrow ? values.size("token_width", width_limit) : d);
    }
    if (data.patches && data.patches->norm)
        out.input = norm(*data.patches->norm, tensors.with_prefix(data.patches->norm->tensor),
                         NormRole::embedding, d);
    const auto& disentangled = data.block.attention.disentangled;
    if (disentangled && disentangled->norm)
        out.relative_positions =
            norm(*disentangled->norm, tensors.with_prefix(disentangled->norm->tensor), NormRole::other, d);
    if (const auto& inputs = data.block.layer_input) {
        out.layer_inputs = norm(inputs->norm, tensors.with_prefix(inputs->norm.tensor), NormRole::other,
                                values.size(inputs->width, width_limit));
    }
    refuse_more_blocks(family);
    for (std::int64_t i = 0; i < family.blocks().size(); ++i)
        out.blocks.push_back(BlockNormReader(family, i, d).read());
    if (data.final_norm)
        out.final = norm(*data.final_norm, tensors.with_prefix(data.final_norm->tensor), NormRole::final, d);
    for (const NormData& head : data.head_norms) {
        if (!tensors.has_norm(head.tensor)) continue;
        // Not on the stream: ALBERT's head is as narrow as its token table.
        const Checkpoint& checkpoint = tensors.checkpoint();
        const TensorInfo* weight = checkpoint.find(head.tensor + ".weight");
        const bool narrow = weight != nullptr && weight->shape.size() == 1 && weight->shape[0] >= 1 &&
                            weight->shape[0] <= width_limit;
        out.heads.push_back(norm(head, head.tensor, NormRole::head, narrow ? weight->shape[0] : d));
    }
    return out;
}

}  // namespace deadscope

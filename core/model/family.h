// What a known family says of a checkpoint before any of its weights but norms matter: its data as the
// configuration settles it, its sizes, and its norms.
#pragma once

#include <memory>
#include <optional>

#include "core/model/architecture_file.h"
#include "core/model/config_values.h"
#include "core/model/required_tensors.h"

namespace deadscope {

// Sizes bounded far above any published model, so that a wrong number is an error and not an allocation.
constexpr std::int64_t width_limit = 1 << 20, layers_limit = 1 << 14, inner_limit = 1 << 24,
                       token_limit = 1 << 30, expert_limit = 1 << 14;

// A family's data applied to one checkpoint. Thread rule: immutable; the checkpoint must outlive it.
class Family {
public:
    // Nothing where the checkpoint's model_type is not known. Errors: no configuration, a tower that the
    // checkpoint does not hold, a malformed architecture file.
    static std::unique_ptr<const Family> of(const Checkpoint& checkpoint);

    Family(const Checkpoint& checkpoint, std::shared_ptr<const nlohmann::json> config,
           const std::string& config_path, Architecture data, std::string tower);
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;

    const Architecture& data() const { return data_; }
    const ConfigValues& values() const { return values_; }
    const BlockTable& blocks() const { return blocks_; }
    const RequiredTensors& tensors() const { return tensors_; }
    const std::string& tower() const { return tower_; }

private:
    std::shared_ptr<const nlohmann::json> config_;  // what values_ views
    Architecture data_;
    std::string tower_;
    ConfigValues values_;
    BlockTable blocks_;
    RequiredTensors tensors_;
};

// Attention sizes of one block. Errors: heads that do not fit.
struct HeadSizes {
    std::int64_t heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
};
HeadSizes head_sizes(const ConfigValues& values, const AttentionData& attention);

struct BlockNorms {
    std::optional<NormSpec> attention, latent_query, latent_key;
    HeadNormSpec query, key, value;
    std::optional<NormSpec> attention_inner, attention_out, mlp, mlp_inner, mlp_out;
    std::optional<NormSpec> router, experts, experts_out, shared_out;  // of a mixture
    std::optional<NormSpec> layer_input;                               // behind the inputs by layer
    std::optional<NormSpec> convolution;                               // behind all else
};

// Norms of the family in order of use: embedding, then block by block, then final, then those of heads.
struct FamilyNorms {
    NormPosition position = NormPosition::pre;
    std::optional<NormSpec> input;
    std::optional<NormSpec> relative_positions;  // of DeBERTa's table
    std::optional<NormSpec> layer_inputs;        // of the inputs by layer
    std::vector<BlockNorms> blocks;
    std::optional<NormSpec> final;
    std::vector<NormSpec> heads;  // where the file has them

    std::vector<NormSpec> in_order(bool with_heads) const;
};

// config.json's model_type. Errors: no configuration, no such key. Nothing is said of whether it is known.
std::string model_type_of(const Checkpoint& checkpoint);
FamilyNorms family_norms(const Family& family);

}  // namespace deadscope

// What a known family says of a checkpoint before any of its weights but norms matter: sizes and norms.
#pragma once

#include <optional>

#include "core/model/config_values.h"
#include "core/model/required_tensors.h"

namespace deadscope {

// Norms of the family in order of use: embedding, then block by block, then final, then those of heads.
struct FamilyNorms {
    std::optional<NormSpec> input;
    std::vector<NormSpec> attention;           // [blocks]
    std::vector<std::optional<NormSpec>> mlp;  // [blocks]; absent where parallel parts share one norm
    std::optional<NormSpec> final;
    std::vector<NormSpec> heads;  // where the file has them

    std::vector<NormSpec> in_order(bool with_heads) const;
};

// Sizes bounded far above any published model, so that a wrong number is an error and not an allocation.
constexpr std::int64_t width_limit = 1 << 20, layers_limit = 1 << 14, inner_limit = 1 << 24,
                       token_limit = 1 << 30;

// config.json's model_type. Errors: no configuration, no such key. Nothing is said of whether it is known.
std::string model_type_of(const Checkpoint& checkpoint);
bool is_parallel(const ConfigValues& values);
FamilyNorms family_norms(const ConfigValues& values, const RequiredTensors& tensors);

}  // namespace deadscope

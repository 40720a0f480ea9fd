// Architecture data: how one family's configuration keys and tensor names map onto the plan's vocabulary.
// Read from assets/architectures/<model_type>.json or the person's own folder; the format is documented in
// assets/architectures/README.md. Finding, extending and varying files is architecture_file's work, applying
// them to a checkpoint plan.cpp's.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>

#include "core/model/architecture_parts.h"

namespace deadscope {

struct BlockVariant {
    BlockRule rule;
    std::shared_ptr<const nlohmann::json> patch;  // of the object `block`
};

// Thread rule: a value; immutable once loaded.
struct Architecture {
    std::string file;  // for messages
    std::string model_type, family;
    std::vector<std::string> prefixes;  // of all tensors but the head's; the one that fits is taken
    std::map<std::string, Quantity> config;
    std::map<std::string, std::vector<std::string>>
        only;                            // configuration key -> values understood, as JSON texts
    std::vector<std::string> mentioned;  // configuration keys that the file knows in any way, sorted
    NormData norm;                       // how norms of the family are stored; no tensor
    NormPosition norm_position = NormPosition::pre;
    std::optional<TokensData> tokens;  // one of these three
    std::optional<PatchesData> patches;
    std::optional<SoundData> sound;
    std::shared_ptr<const nlohmann::json> block_json;  // what block variants patch
    BlockData block;                                   // without any variant
    std::vector<BlockVariant> block_variants;
    std::optional<NormData> final_norm;
    std::optional<HeadData> head;
    std::vector<NormData> head_norms;  // behind the last block, in heads that are not computed
};

// One family's data after `extends` and variants. Errors: a key that is not known or of the wrong type, a
// quantity that `config` does not list (file and key named).
Architecture parse_architecture(const nlohmann::json& json, const std::string& file);
// The object `block`, as patched by the variants that hold for a block.
BlockData parse_block(const nlohmann::json& block, const Architecture& architecture);

}  // namespace deadscope

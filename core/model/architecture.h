// Architecture data: how one family's configuration keys and tensor names map onto the plan's vocabulary.
// Read from assets/architectures/<model_type>.json or the person's own folder; the format is documented in
// assets/architectures/README.md. Applying it to a checkpoint is plan.cpp's work.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/norms.h"
#include "core/model/plan.h"

namespace deadscope {

// One quantity of the plan: the configuration keys that may hold it, and its value where none does.
struct Quantity {
    std::vector<std::string> keys;  // synonyms, the commonest first
    std::variant<std::monostate, bool, double, std::string>
        fallback;  // none: the key is required; text: expression or word
};

struct LinearData {
    std::string tensor;                            // without ".weight" and ".bias"
    std::variant<bool, std::string> bias = false;  // always, never, or the name of a true-or-false quantity
    bool stored_in_out = false;
    bool scaled_init = false;  // standard deviation divided by sqrt(2 layers), as published for GPT-2
};

struct AttentionData {
    bool causal = true, rotary = false, rotary_interleaved = false;
    bool fused = false;  // q holds the fused tensor, rows of q, then k, then v
    LinearData q, k, v, out;
};

struct MlpData {
    std::optional<LinearData> gate;
    LinearData up, down;
};

struct BlockData {
    std::string tensors;   // prefix of a block's tensors; {i} is its number
    std::string parallel;  // name of a true-or-false quantity; empty: sequential
    std::string attention_norm, mlp_norm;
    AttentionData attention;
    MlpData mlp;
};

struct TokensData {
    std::string table, positions, token_types, norm;  // empty: absent; whole tensor names but for norm
};
struct PatchesData {
    std::string projection, class_token, positions, norm;
};

// Thread rule: a value; immutable once loaded.
struct Architecture {
    std::string file;  // for messages
    std::string model_type, family;
    std::vector<std::string> prefixes;  // of all tensors but the head's; the one that fits is taken
    std::map<std::string, Quantity> config;
    std::map<std::string, std::vector<std::string>>
        only;  // configuration key -> values understood, as JSON texts
    NormKind norm_kind = NormKind::layer_norm;
    bool norm_bias = true;
    double norm_offset = 0.0;
    NormPosition norm_position = NormPosition::pre;
    std::optional<TokensData> tokens;
    std::optional<PatchesData> patches;
    BlockData block;
    std::string final_norm;               // empty: none
    std::string head;                     // tensor without ".weight", prefix included; empty: no head
    std::vector<std::string> head_norms;  // behind the last block, in heads that are not computed
};

// The family's data, the person's own file first. Nothing where the family is not known.
// Errors: a file that is malformed (named).
std::optional<Architecture> find_architecture(const std::string& model_type);
// For tests and find_architecture: reads one file's text.
Architecture parse_architecture(std::string_view text, const std::string& file);

}  // namespace deadscope

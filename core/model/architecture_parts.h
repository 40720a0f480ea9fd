// The parts that architecture data is made of, as plain values: names of tensors still without the family's
// and the block's prefix, sizes and switches as amounts that a configuration settles (config_values.h).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/norms.h"
#include "core/model/plan.h"

namespace deadscope {

// What assets/architectures/README.md calls a quantity where it is used: nothing (not given), true or false,
// a number, or text: a quantity's name, or an expression of names and numbers.
using Amount = std::variant<std::monostate, bool, double, std::string>;
inline bool given(const Amount& amount) {
    return !std::holds_alternative<std::monostate>(amount);
}

// One quantity of the file's `config`: the keys that may hold it, and its value where none does.
struct Quantity {
    std::vector<std::string> keys;  // synonyms, the commonest first; dotted: inside objects
    Amount fallback;                // none: the key is required; text: expression or word
};

struct NormData {
    std::string tensor;  // without ".weight" and ".bias"
    NormKind kind = NormKind::layer_norm;
    bool whole = false;  // tensor is the weight's whole name
    Amount bias = true, weight = true, offset = 0.0;
    Amount eps = std::string("eps");
};

struct LinearData {
    std::string tensor;       // without ".weight" and ".bias", unless whole
    Amount bias = false;      // whether there is one
    std::string bias_tensor;  // its whole name; empty: tensor + ".bias"
    bool whole = false;       // tensor is the weight's whole name
    bool stored_in_out = false;
    bool stored_either = false;  // the way round that fits, [out, in] where both do
    bool scaled_init = false;    // standard deviation divided by sqrt(2 layers), as published for GPT-2
    Amount init_std;             // none: the family's init_std
};

// How the rows of a fused query/key/value tensor are laid out.
struct FusedOrder {
    enum class Kind { parts, heads, groups, split } kind = Kind::parts;
    std::int64_t shares = 1;    // of split
    std::string parts = "qkv";  // of split: their order in each share
};

enum class GateOrder { gate_up, up_gate, interleaved };

struct HeadNormData {
    NormData norm;      // "{h}" in its tensor: one tensor a head
    bool all = false;   // over all heads at once, not head by head
    bool each = false;  // every head has its own γ
};

struct AlibiData {
    Amount on = false, max = 8.0, scaled = false, bf16 = false;
};

struct RelativeBiasData {
    std::string table;
    Amount buckets, max_distance, bidirectional = true;
};

struct DisentangledData {
    std::string table;
    std::optional<NormData> norm;
    std::optional<LinearData> query, key;
    Amount span, buckets = 0.0, max_distance;
};

struct LatentData {
    std::optional<LinearData> q_down;
    std::optional<NormData> q_norm;
    LinearData kv_down, kv_up;
    NormData kv_norm;
    Amount q_rank, kv_rank, rope;
};

// An earlier block whose keys and values are read: by number, or the last one below `below` whose element of
// the configuration's list `like` is that of the block itself.
struct KeysOfData {
    Amount block;
    Amount below;
    std::string like;
};

struct RotaryData {
    bool interleaved = false;
    std::vector<std::string> parameters;  // dotted keys of the rule's object; the first that is there. Empty:
                                          // rope_parameters or rope_scaling
    std::shared_ptr<const nlohmann::json> rule;  // where the configuration has none; or null
    Amount theta, fraction, dims;
    std::vector<std::string> frequencies;  // tensors, behind the prefix: the first that is there comes before
                                           // the rule
    bool by_patch = false;
    bool divided = true;  // whether the divisors that a GGUF file holds are meant for it
};

struct AttentionData {
    Amount heads, kv_heads, head_dim, value_dim;  // none: the family's
    Amount causal = true;
    Amount window, scale, score_cap, clip;
    bool clip_after_norm = false;
    bool scale_by_yarn = false;  // scale · mscale², DeepSeek's
    std::optional<RotaryData> rotary;
    Amount norm_after_rotary = false;
    AlibiData alibi;
    std::string sinks;
    bool fused = false;  // q holds the fused tensor, its rows by `order`
    FusedOrder order;
    LinearData q, k, v, out;
    std::string q_bias, k_bias, v_bias;  // of a fused map: whole names, each on its own
    std::optional<HeadNormData> q_norm, k_norm, v_norm;
    std::optional<NormData> inner_norm;
    std::optional<RelativeBiasData> relative_bias;
    std::optional<DisentangledData> disentangled;
    std::optional<LatentData> latent;
    std::optional<KeysOfData> keys_of;
};

struct MlpData {
    Amount inner, activation;  // none: the family's
    bool fused = false;        // gate holds both, its rows by `order`
    GateOrder order = GateOrder::gate_up;
    std::optional<LinearData> gate;
    LinearData up, down;
    Amount limit, alpha;
    std::optional<NormData> inner_norm;
    std::string xielu;  // before the names of its three numbers; empty: none
};

struct ExpertsData {
    Amount count, chosen;
    LinearData router;
    ExpertsSpec::Scoring scoring = ExpertsSpec::Scoring::softmax;
    Amount renormalise = false, scale, groups, groups_chosen, group_by_top_two = false;
    std::string correction;
    MlpData expert;  // with "{e}" in the names; without, tensors of all experts
    std::optional<MlpData> shared;
    std::optional<LinearData> shared_gate;
    std::optional<NormData> router_norm, norm, out_norm, shared_out_norm;
    Amount router_scale;
    std::string expert_scale;
};

// Inputs by layer (plan.h, LayerInputSpec). Table, projection and norm: names behind the family's prefix.
struct LayerInputData {
    std::string table;
    Amount vocabulary, width;
    LinearData projection, gate, out;
    NormData norm;
    std::optional<NormData> out_norm;
};

// The tensor and the norm: names behind the family's prefix.
struct ConvolutionData {
    std::string tensor;
    NormData norm;
    Amount width, activation;
};

struct BlockData {
    std::string tensors;  // prefix of a block's tensors; {i} is its number, {g} its group's
    Amount groups, in_group;
    Amount spare;  // blocks beyond `layers` that files hold and the pass does not use
    std::optional<NormData> attention_norm, mlp_norm, attention_out_norm, mlp_out_norm;
    Amount parallel = false, branch_scale;
    std::string attention_scale, mlp_scale, output_scale;
    std::optional<LayerInputData> layer_input;
    std::optional<ConvolutionData> convolution;
    AttentionData attention;
    std::optional<MlpData> mlp;
    std::optional<ExpertsData> experts;
};

struct TokensData {
    std::string table, positions, token_types;  // whole names behind the prefix; empty: absent
    Amount position_offset = 0.0, position_rows, padding;
    Amount sinusoids, sinusoid_zero;
    Amount scale;
    std::optional<NormData> norm;
    std::optional<LinearData> projection;
    TokenInputSpec::ProjectionPlace place = TokenInputSpec::ProjectionPlace::before_positions;
    Amount mask, dropout_ratio;
};
struct PatchesData {
    std::string projection, registers, positions;
    Amount bias = true, register_count;
    std::vector<std::string> class_tokens;
    bool any_size = false, antialias = false;
    std::optional<NormData> norm;
};
struct SoundData {
    std::string conv1, conv2, positions;
};

struct HeadData {
    LinearData linear;  // whole name, prefix included
    std::optional<LinearData> projection;
    Amount scale, cap;
};

// For which blocks a patch holds (README: block.variants).
struct BlockRule {
    enum class Kind { list, runs, in, every, from, below, none_of, all, any } kind = Kind::all;
    std::string key;               // list, runs, in: the configuration's
    std::string value;             // list, runs: as JSON text
    Amount a, b, c;                // every: every, offset, is; from, below: a
    std::vector<BlockRule> parts;  // none_of (one), all, any
};

}  // namespace deadscope

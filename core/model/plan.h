// A plan: the forward pass of one checkpoint as a list of canonical parts, made from architecture data
// (assets/architectures/<model_type>.json, or the person's own folder) applied to a configuration.
// The forward pass (core/forward) knows this vocabulary and nothing of families.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/norms.h"

namespace deadscope {

class Checkpoint;

// How the published initialiser draws a tensor (math.md §5). Constants for norms and biases.
struct Initialiser {
    enum class Kind { normal, truncated_normal, uniform, constant } kind = Kind::normal;
    double a = 0.0;   // normal: mean; uniform: low; constant: the value
    double b = 0.02;  // normal: standard deviation; uniform: high
};

// One tensor as stored. `name` is found in the checkpoint; `shape` is what the plan requires of it.
struct WeightRef {
    std::string name;  // empty: absent
    std::vector<std::int64_t> shape;
    Initialiser init;
    explicit operator bool() const { return !name.empty(); }
};

// y = x Wᵀ + b over rows [first_row, first_row + out) of W as [*, in]; `stored_in_out`: the tensor is [in, *]
// (GPT-2's Conv1D), and the slice is over its columns.
struct LinearSpec {
    WeightRef weight, bias;
    bool stored_in_out = false;
    std::int64_t in = 0, out = 0;
    std::int64_t first_row = 0;  // of the fused tensor
    explicit operator bool() const { return static_cast<bool>(weight); }
};

struct RotarySpec {                           // empty dims: none
    std::int64_t dims = 0;                    // rotated leading channels of each head
    bool interleaved = false;                 // pairs (2i, 2i+1) instead of (i, i + dims/2)
    std::vector<double> inverse_frequencies;  // [dims / 2], after the family's scaling
    double attention_factor = 1.0;            // multiplies cos and sin (yarn); 1 otherwise
};

struct AttentionSpec {
    std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
    bool causal = true;
    double scale = 1.0;  // multiplies q·k
    RotarySpec rotary;
    LinearSpec q, k, v, o;
};

enum class Activation { identity, gelu, gelu_tanh, quick_gelu, relu, silu, tanh, relu_squared };
struct MlpSpec {
    Activation activation = Activation::gelu;
    LinearSpec gate;  // empty: plain; else act(gate(x)) ⊙ up(x)
    LinearSpec up, down;
};

// pre:  x += attn(n1(x)); x += mlp(n2(x))       (parallel: x += attn(n1(x)) + mlp(n2(x) or n1(x)))
// post: x = n1(x + attn(x)); x = n2(x + mlp(x))
enum class NormPosition { pre, post };
struct BlockSpec {
    std::optional<NormSpec> attention_norm;  // n1
    std::optional<NormSpec> mlp_norm;        // n2; absent with parallel: n1's output is shared
    AttentionSpec attention;
    MlpSpec mlp;
    bool parallel = false;
};

struct TokenInputSpec {
    WeightRef tokens;     // [vocabulary, d]
    WeightRef positions;  // [context, d] or empty
    std::int64_t position_offset = 0;
    WeightRef token_types;         // [types, d] or empty; row 0 is added
    double scale = 1.0;            // multiplies token embeddings
    std::optional<NormSpec> norm;  // after the sum
};
struct PatchInputSpec {      // a convolution with stride = kernel: patches as rows
    WeightRef kernel, bias;  // [d, channels, patch, patch], [d]
    WeightRef class_token;   // [1, 1, d] or empty
    WeightRef positions;     // [1, patches (+1), d] or empty
    std::int64_t channels = 0, image_height = 0, image_width = 0, patch = 0;
    std::optional<NormSpec> norm;
    std::int64_t patches() const { return (image_height / patch) * (image_width / patch); }
    std::int64_t tokens_per_image() const { return patches() + (class_token ? 1 : 0); }
};

struct Plan {
    std::string model_type;       // "gpt2"
    std::string family;           // words for people: "GPT-2"
    std::int64_t d = 0;           // width of the residual stream
    std::int64_t vocabulary = 0;  // 0 for pictures
    std::int64_t context = 0;     // longest sequence, tokens
    NormPosition norm_position = NormPosition::pre;
    std::optional<TokenInputSpec> token_input;
    std::optional<PatchInputSpec> patch_input;
    std::vector<BlockSpec> blocks;
    std::optional<NormSpec> final_norm;  // absent for post-norm encoders
    LinearSpec head;                     // per-token logits; empty where the model has none
    bool byte_vocabulary = false;        // token id = byte (the built-in models)
    std::vector<NormSpec> norms;         // every norm above, in order of use
    std::size_t final_norm_index = 0;    // into norms: the norm behind which the reading is taken

    const NormSpec& reading_norm() const { return norms[final_norm_index]; }
};

// Errors: unknown model_type (the message names the families known), a configuration key that is missing, of
// the wrong type or contradicts the tensors, an option that changes the computation and that the family's
// file does not know.
Plan make_plan(const Checkpoint& checkpoint);
std::vector<std::string> known_families();  // model_type values, sorted; the person's own included
std::string user_architecture_folder();     // $XDG_CONFIG_HOME/deadscope/architectures

}  // namespace deadscope

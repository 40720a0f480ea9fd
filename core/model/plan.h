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

// y = x Wᵀ + b over some rows of W as [*, in]: output r is row
//     first_row + r / group_rows · group_stride + r % group_rows
// of the tensor (group_rows 0: first_row + r), which is how fused query/key/value maps interleave their
// parts. `stored_in_out`: the tensor is [in, *] (GPT-2's Conv1D), and the same holds of its columns. A tensor
// that holds several matrices ([experts, *, in]) is read at `matrix`.
struct LinearSpec {
    WeightRef weight, bias;
    bool stored_in_out = false;
    std::int64_t in = 0, out = 0;
    std::int64_t first_row = 0;  // of the fused tensor
    std::int64_t group_rows = 0, group_stride = 0;
    std::int64_t matrix = 0;  // of the bias too: [experts, *]
    bool own_bias = false;    // the bias is [out], not the fused tensor's
    explicit operator bool() const { return static_cast<bool>(weight); }
};

struct RotarySpec {                           // dims 0: none
    std::int64_t first = 0;                   // channel of each head at which the rotated ones begin
    std::int64_t dims = 0;                    // rotated channels of each head
    bool interleaved = false;                 // pairs (2i, 2i+1) instead of (i, i + dims/2)
    std::vector<double> inverse_frequencies;  // [dims / 2], after the family's scaling; 0: not turned
    double attention_factor = 1.0;            // multiplies cos and sin (yarn, longrope); 1 otherwise
    // longrope: these instead where the longest sequence of the input has more than `long_beyond` tokens.
    std::int64_t long_beyond = 0;
    std::vector<double> long_inverse_frequencies{};  // [dims / 2] or empty
    // DINOv3: the patches of a picture turn by their centre (y, x), of which each goes from -1 to 1 over the
    // picture: by 2π · y · ω and then 2π · x · ω, ω being inverse_frequencies, here [dims / 4]. What stands
    // before the patches is not turned.
    bool by_patch = false;
};

// A norm inside the heads, before the rotation: each `span` channels on their own. γ is [span], shared by all
// heads, or [heads · span], each head's own; several parts (one tensor a head) are laid one after another.
struct HeadNormSpec {
    std::vector<NormSpec> parts;  // empty: none
    std::int64_t span = 0;        // head_dim, or heads · head_dim where the norm spans them all (OLMo-2)
    explicit operator bool() const { return !parts.empty(); }
};

// score += table[bucket(j - i), head] with T5's buckets (arXiv 1910.10683): exact near, logarithmic far.
struct RelativeBiasSpec {
    WeightRef table;  // [buckets, heads]; empty: none
    std::int64_t buckets = 0, max_distance = 0;
    bool bidirectional = true;
};

// DeBERTa's disentangled attention (arXiv 2006.03654): score += scale · (q_i · kr[δ(i,j)] + k_j ·
// qr[δ(j,i)]), kr and qr projections of a table of relative positions; δ is log-bucketed in v2.
struct DisentangledSpec {
    WeightRef table;               // [2 · span, d]; empty: none
    std::optional<NormSpec> norm;  // of the table (norm_rel_ebd)
    LinearSpec query, key;         // of the table; empty: that term is absent (pos_att_type)
    std::int64_t span = 0;         // pos_ebd_size
    std::int64_t buckets = 0;      // position_buckets; 0: no log buckets
    std::int64_t max_distance = 0;
    explicit operator bool() const { return static_cast<bool>(table); }
};

// Multi-head latent attention (DeepSeek, arXiv 2405.04434): queries and keys/values are expanded from a
// normed latent; head_dim = nope + rope channels, of which the rotated part of the key is shared by all
// heads.
struct LatentSpec {
    LinearSpec q_down;               // [q_rank, d]; empty: q is projected from d by AttentionSpec::q
    std::optional<NormSpec> q_norm;  // [q_rank]; AttentionSpec::q then reads q_rank
    LinearSpec kv_down;              // [kv_rank, d]
    LinearSpec k_rope;               // [rope, d]: one rotated key for all heads
    NormSpec kv_norm;                // [kv_rank]
    std::int64_t kv_rank = 0, rope = 0;
    // AttentionSpec::k ([heads · nope, kv_rank]) and ::v ([heads · value_dim, kv_rank]) read the normed
    // latent.
};

struct AttentionSpec {
    std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
    std::int64_t value_dim = 0;  // 0: head_dim
    bool causal = true;
    std::int64_t window = 0;       // 0: none. Causal: key j is seen by i where i - window < j <= i;
                                   // otherwise where |i - j| <= window
    double scale = 1.0;            // multiplies q·k
    double score_cap = 0.0;        // 0: none; else cap · tanh(score / cap), before the mask
    std::vector<double> slopes;    // [heads] alibi: score += slope · (j - i); empty: none
    bool slopes_in_bf16 = false;   // Falcon's: score += scale · bf16(bf16(slope) · bf16(j)), instead
    double clip = 0.0;             // 0: none; q, k and v are clamped to ±clip after their projection,
    bool clip_after_norm = false;  // or queries and keys behind their norms (OLMoE)
    WeightRef sinks;  // [heads]: a logit that takes part in the softmax and writes nothing (gpt-oss)
    RotarySpec rotary;
    HeadNormSpec q_norm, k_norm, v_norm;
    bool norm_after_rotary = false;
    RelativeBiasSpec relative_bias;
    DisentangledSpec disentangled;
    std::optional<LatentSpec> latent;
    std::optional<std::size_t> keys_of;  // an earlier block whose keys and values are read (Gemma 3n, 4)
    LinearSpec q, k, v, o;
    std::optional<NormSpec> inner_norm;  // of what o reads, [heads · value_dim]
    std::int64_t value_width() const { return value_dim == 0 ? head_dim : value_dim; }
};

enum class Activation {
    identity,
    gelu,
    gelu_tanh,
    gelu_bloom,  // gelu_tanh with √(2/π) cut to 0.79788456, as BLOOM was trained
    quick_gelu,
    relu,
    silu,
    tanh,
    relu_squared,
    sigmoid,
    mish,
    elu,
    leaky_relu
};
// xIELU (arXiv 2411.13010), with p = softplus(alpha_p) and n = beta + softplus(alpha_n):
//     p x² + beta x where x > 0, n (exp(x) - 1 - x) + beta x elsewhere.
// The published one cuts x at -1e-6 inside exp, which moves nothing that f32 resolves.
struct XieluSpec {
    WeightRef alpha_p, alpha_n, beta;  // one number each
};
struct MlpSpec {
    Activation activation = Activation::gelu;
    LinearSpec gate;  // empty: plain; else act(gate(x)) ⊙ up(x)
    LinearSpec up, down;
    // gpt-oss: g = min(gate, limit), u = clamp(up, ±limit), (u + 1) ⊙ g ⊙ sigmoid(alpha · g); 0: none
    double limit = 0.0, alpha = 0.0;
    std::optional<NormSpec> inner_norm;  // of what down reads, [inner]
    std::optional<XieluSpec> xielu;      // instead of the activation
    explicit operator bool() const { return static_cast<bool>(down); }
};

// A mixture of experts: each token's output is the weighted sum of the `chosen` experts that the router
// scores highest, plus what the shared expert gives.
struct ExpertsSpec {
    enum class Scoring {
        softmax,         // over all experts, then the highest
        softmax_chosen,  // the highest logits, then softmax over them
        sigmoid,         // each on its own, then the highest
    } scoring = Scoring::softmax;
    LinearSpec router;     // [experts, d]
    WeightRef correction;  // [experts]: added for the choice only (DeepSeek-V3); empty: none
    std::int64_t chosen = 0;
    bool renormalise = false;  // weights of the chosen divided by their sum (+ 1e-20 for sigmoid)
    double scale = 1.0;        // multiplies the weights
    std::int64_t groups = 1,
                 groups_chosen = 1;  // experts stand in groups; only the best groups are chosen from
    bool group_by_top_two = false;   // a group's score: sum of its two highest (V3), else its highest
    std::vector<MlpSpec> experts;
    std::optional<NormSpec> router_norm, norm;  // of what the router and the experts read; else the block's
    double router_scale = 1.0;                  // multiplies the router's logits
    WeightRef expert_scale;                     // [experts]: multiplies the weights of each; empty: none
    std::optional<NormSpec> out_norm,
        shared_out_norm;     // of the weighted sum, and of the shared expert's output
    MlpSpec shared;          // empty: none
    LinearSpec shared_gate;  // [1, d]: sigmoid of it multiplies the shared output; empty: none
    explicit operator bool() const { return !experts.empty(); }
};

// What each block adds behind its branches by the token alone (Gemma 4's inputs by layer):
//     p = (norm(projection(x₀) · projection_scale) + table[token] · table_scale) · scale
//     x += out_norm(out(act(gate(x)) ⊙ p))
// with x₀ the stream that enters the first block.
struct LayerInputSpec {
    WeightRef table;         // [vocabulary, blocks · width]
    std::int64_t width = 0;  // of a block's own columns,
    std::int64_t first = 0;  // which begin here
    double table_scale = 1.0, projection_scale = 1.0, scale = 1.0;
    LinearSpec projection;  // [width, d] of all blocks' rows
    NormSpec norm;          // [width]
    LinearSpec gate, out;   // d → width, width → d
    Activation activation = Activation::gelu;
    std::optional<NormSpec> out_norm;  // [d]
};

// pre:  x += attn(n1(x)); x += mlp(n2(x))       (parallel: x += attn(n1(x)) + mlp(n2(x) or n1(x)))
// post: x = n1(x + attn(x)); x = n2(x + mlp(x))
// With an out norm the branch's own output is normed before it is added: x += out(attn(n1(x))) (Gemma 2), and
// where n1 is absent x += out(attn(x)) (OLMo-2). Every branch is multiplied by branch_scale and, channel by
// channel, by its layer scale before it is added.
enum class NormPosition { pre, post };

// DeBERTa's convolution over the tokens of a sequence, beside a block: with x₀ what enters it,
//     x = norm(x + act(conv(x₀)))
// behind everything else; zeros stand before the first token and behind the last.
struct ConvolutionSpec {
    WeightRef weight, bias;  // [d, d, width], [d]
    std::int64_t width = 0;  // odd
    Activation activation = Activation::tanh;
    NormSpec norm;
};
struct BlockSpec {
    std::optional<NormSpec> attention_norm;      // n1
    std::optional<NormSpec> mlp_norm;            // n2; absent with parallel: n1's output is shared
    std::optional<NormSpec> attention_out_norm;  // of attention's output, after o
    std::optional<NormSpec> mlp_out_norm;
    AttentionSpec attention;
    MlpSpec mlp;
    ExpertsSpec experts;  // instead of mlp, where there are any
    bool parallel = false;
    double branch_scale = 1.0;
    WeightRef attention_scale, mlp_scale;  // [d] or empty
    std::optional<LayerInputSpec> layer_input;
    WeightRef output_scale;  // [1]: multiplies the block's output; empty: none (Gemma 4)
    std::optional<ConvolutionSpec> convolution;
};

// Masked-language models of ESM scale the embeddings by (1 - 0.15 · 0.8) / (1 - share of <mask> in the
// sequence) and zero those of <mask>.
struct TokenDropoutSpec {
    std::int64_t mask_token = -1;
    double train_ratio = 0.0;
};

struct TokenInputSpec {
    WeightRef tokens;     // [vocabulary, e]; e = d without a projection
    WeightRef positions;  // [context (+ offset), e or d] or empty
    // Computed instead: sin(p · ω_i), then cos(p · ω_i), with ω_i = 10000^(-i / sinusoids), and then a zero
    // where the width is odd; the row `sinusoid_zero` is all zeros. 0: none.
    double sinusoids = 0.0;
    std::int64_t sinusoid_zero = -1;
    std::int64_t position_offset = 0;
    // RoBERTa: position_offset + 1 + number of tokens before it that are not this one; this one itself has
    // position_offset. -1: none, positions count from position_offset.
    std::int64_t padding_token = -1;
    WeightRef token_types;  // [types, e] or empty; row 0 is added
    double scale = 1.0;     // multiplies token embeddings
    std::optional<TokenDropoutSpec> dropout;
    std::optional<NormSpec> norm;  // after the sum
    LinearSpec projection;         // e → d; empty: none
    enum class ProjectionPlace {
        before_positions,
        before_norm,
        after_norm
    } projection_place = ProjectionPlace::before_positions;
};
struct PatchInputSpec {                   // a convolution with stride = kernel: patches as rows
    WeightRef kernel, bias;               // [d, channels, patch, patch], [d]
    std::vector<WeightRef> class_tokens;  // d elements each: rows before the patches (class, distillation)
    WeightRef registers;  // register_count · d elements, between class tokens and patches; no positions
    std::int64_t register_count = 0;
    WeightRef positions;     // [class tokens + patches, d] elements, in whatever leading ones; or empty
    bool antialias = false;  // how positions are brought to another size (position_grid.h)
    std::int64_t channels = 0, image_height = 0, image_width = 0, patch = 0;
    std::optional<NormSpec> norm;
    std::int64_t patches() const { return (image_height / patch) * (image_width / patch); }
    std::int64_t tokens_per_image() const {
        return patches() + register_count + static_cast<std::int64_t>(class_tokens.size());
    }
};
// Log-mel frames through two convolutions of width 3 with GELU, strides 1 and 2 (Whisper's encoder).
struct SoundInputSpec {
    WeightRef conv1, conv1_bias;  // [d, mel, 3], [d]
    WeightRef conv2, conv2_bias;  // [d, d, 3], [d]
    WeightRef positions;          // [frames / 2, d]
    std::int64_t mel = 0, frames = 0;
    std::int64_t tokens_per_sound() const { return frames / 2; }
};

struct HeadSpec {
    LinearSpec linear;      // [vocabulary, d or e]; empty: the model has none
    LinearSpec projection;  // d → e before it (OPT-350m); empty: none
    double scale = 1.0;     // multiplies the logits
    double cap = 0.0;       // 0: none; else cap · tanh(logits / cap)
    explicit operator bool() const { return static_cast<bool>(linear); }
};

struct Plan {
    std::string model_type;       // "gpt2"
    std::string family;           // words for people: "GPT-2"
    std::string tower;            // "text", "vision", ... where the checkpoint has several; else empty
    std::int64_t d = 0;           // width of the residual stream
    std::int64_t vocabulary = 0;  // 0 for pictures and sound
    std::int64_t context = 0;     // longest sequence, tokens
    NormPosition norm_position = NormPosition::pre;
    std::optional<TokenInputSpec> token_input;  // one of these three
    std::optional<PatchInputSpec> patch_input;
    std::optional<SoundInputSpec> sound_input;
    std::vector<BlockSpec> blocks;
    std::optional<NormSpec> final_norm;  // absent for post-norm encoders
    HeadSpec head;                       // per-token logits; empty where the model has none
    bool byte_vocabulary = false;        // token id = byte (the built-in models)
    std::vector<NormSpec> norms;         // every norm above, in order of use
    std::size_t final_norm_index = 0;    // into norms: the norm behind which the reading is taken

    const NormSpec& reading_norm() const { return norms[final_norm_index]; }
};

// The towers of a checkpoint that holds several ("text", "vision"), the default one first; empty where it is
// one model. `MODEL#TOWER` opens another than the default (checkpoint.h).
std::vector<std::string> towers(const Checkpoint& checkpoint);

// Errors: unknown model_type (the message names the families known), a configuration key that is missing, of
// the wrong type or contradicts the tensors, an option that changes the computation and that the family's
// file does not know.
Plan make_plan(const Checkpoint& checkpoint);
std::vector<std::string> known_families();  // model_type values, sorted; the person's own included
std::string user_architecture_folder();     // $XDG_CONFIG_HOME/deadscope/architectures

}  // namespace deadscope

// Norms with their effective parameters: what γ is after the family's storage convention, and where each
// norm stands. Works from tensors alone where the family is unknown (names ending in a norm's weight).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace deadscope {

class Checkpoint;

enum class NormKind { layer_norm, rms_norm, unknown };  // unknown: only from tensors, family not known
std::string_view norm_kind_name(NormKind kind);         // "LayerNorm", "RMSNorm", "unknown"

enum class NormRole {
    embedding,
    attention,
    query,  // inside the heads
    key,
    value,
    latent,  // of multi-head latent attention
    post_attention,
    mlp,
    post_mlp,
    final,
    head,
    other
};
std::string_view norm_role_name(NormRole role);

struct NormSpec {
    std::string name;    // tensor prefix as in the file: "transformer.h.0.ln_1"
    std::string weight;  // tensor name; empty: no parameters, γ = 1
    std::string bias;    // tensor name; empty: none
    NormKind kind = NormKind::unknown;
    NormRole role = NormRole::other;
    std::optional<std::size_t> block;  // 0-based; empty for embedding and final norms
    double eps = 0.0;
    double offset = 0.0;  // γ = offset + stored weight (1 for 1+w conventions)
    std::int64_t d = 0;   // width
};

// Read parameters of one norm. gamma.size() == d always; beta empty where there is none.
struct NormParameters {
    std::vector<double> gamma;  // [d], effective
    std::vector<double> beta;   // [d] or empty
};
NormParameters read_norm(const Checkpoint& checkpoint, const NormSpec& norm);

// Every norm of the checkpoint in order of use. `declared` names the family's own word; where the family is
// unknown the norms are found by tensor names and their kind is unknown. Reads no weights besides the header.
// Errors: a known family with a missing or misshapen norm (file and tensor named).
std::vector<NormSpec> find_norms(const Checkpoint& checkpoint);
// Index into find_norms()'s result of the norm whose output is read by the head; the last one for post-norm
// encoders.
std::size_t final_norm_index(const std::vector<NormSpec>& norms);

}  // namespace deadscope

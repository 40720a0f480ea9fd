// Norms of known families by their data; norm_search.cpp looks for those of unknown ones.
#include "core/model/norms.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/family.h"
#include "core/model/norm_search.h"

namespace deadscope {

std::string_view norm_kind_name(NormKind kind) {
    switch (kind) {
        case NormKind::layer_norm:
            return "LayerNorm";
        case NormKind::rms_norm:
            return "RMSNorm";
        case NormKind::unknown:
            return "unknown";
    }
    return "unknown";
}

std::string_view norm_role_name(NormRole role) {
    switch (role) {
        case NormRole::embedding:
            return "embedding";
        case NormRole::attention:
            return "attention";
        case NormRole::query:
            return "query";
        case NormRole::key:
            return "key";
        case NormRole::value:
            return "value";
        case NormRole::latent:
            return "latent";
        case NormRole::mlp:
            return "mlp";
        case NormRole::post_attention:
            return "post_attention";
        case NormRole::post_mlp:
            return "post_mlp";
        case NormRole::final:
            return "final";
        case NormRole::head:
            return "head";
        case NormRole::other:
            return "other";
    }
    return "other";
}

NormParameters read_norm(const Checkpoint& checkpoint, const NormSpec& norm) {
    const auto read = [&](const std::string& name) {
        const TensorInfo* tensor = checkpoint.find(name);
        if (tensor == nullptr || tensor->elements != static_cast<std::uint64_t>(norm.d)) {
            throw Error::input("A norm's tensor is missing or has another length",
                               {.file = weights_place(checkpoint),
                                .key = name,
                                .expected = "[" + std::to_string(norm.d) + "]",
                                .found = tensor == nullptr ? "nothing" : shape_text(tensor->shape)});
        }
        return checkpoint.read_all(*tensor);
    };
    NormParameters out;
    if (norm.weight.empty()) {
        out.gamma.assign(static_cast<std::size_t>(norm.d), 1.0);
    } else {
        out.gamma = read(norm.weight);
        for (double& value : out.gamma) value += norm.offset;
    }
    if (!norm.bias.empty()) out.beta = read(norm.bias);
    return out;
}

namespace {

// Not those inside heads, latents and branches.
bool reads_the_stream(NormRole role) {
    return role == NormRole::attention || role == NormRole::mlp || role == NormRole::post_attention ||
           role == NormRole::post_mlp;
}

}  // namespace

std::vector<NormSpec> find_norms(const Checkpoint& checkpoint) {
    const nlohmann::json& json = checkpoint.config();
    const auto type = json.is_object() ? json.find("model_type") : json.end();
    const bool named = json.is_object() && type != json.end() && type->is_string();
    const auto family = named ? Family::of(checkpoint) : nullptr;
    return family ? family_norms(*family).in_order(/*with_heads=*/true) : search_norms(checkpoint);
}

std::size_t final_norm_index(const std::vector<NormSpec>& norms) {
    std::optional<std::size_t> last_final, last_in_block;
    for (std::size_t i = 0; i < norms.size(); ++i) {
        if (norms[i].role == NormRole::final) last_final = i;
        if (norms[i].block && reads_the_stream(norms[i].role)) last_in_block = i;
    }
    if (last_final) return *last_final;
    if (last_in_block) return *last_in_block;
    return norms.empty() ? 0 : norms.size() - 1;
}

}  // namespace deadscope

// Tensor names of one dimension that end like a norm's weight, put into order of use by their numbers.
#include "core/model/norm_search.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {
namespace {

constexpr std::array<std::string_view, 3> weight_endings{".weight", ".gamma", ".scale"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::vector<std::string> components(std::string_view name) {
    std::vector<std::string> out(1);
    for (const char c : name) {
        if (c == '.')
            out.emplace_back();
        else
            out.back() += c;
    }
    return out;
}

bool is_number(const std::string& text) {
    return !text.empty() && text.size() <= 6 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The last component that is not a number says what the module is: "ln_1", "input_layernorm", "norm",
// "LayerNorm".
bool is_norm_module(const std::string& module) {
    const auto parts = components(module);
    const auto last = std::find_if_not(parts.rbegin(), parts.rend(), is_number);
    if (last == parts.rend()) return false;
    const std::string word = lower(*last);
    const bool ln = word == "ln" || word.starts_with("ln_") || word.ends_with("_ln") ||
                    (word.starts_with("ln") && is_number(word.substr(2)));
    return ln || word.find("norm") != std::string::npos;
}

std::optional<std::size_t> block_number(const std::string& name) {
    for (const std::string& part : components(name)) {
        if (is_number(part)) return static_cast<std::size_t>(std::stoul(part));
    }
    return std::nullopt;
}

// Norms inside heads or embeddings are no readers of the residual stream as a whole.
NormRole role_of(const std::string& name, bool in_block) {
    const std::string text = lower(name);
    const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
    const bool in_head = has("q_norm") || has("k_norm") || has("q_layernorm") || has("k_layernorm") ||
                         has("query_norm") || has("key_norm");
    if (in_head) return NormRole::other;
    if (!in_block)
        return has("embed") || has("token_embd")      ? NormRole::embedding
               : has("predictions") || has("lm_head") ? NormRole::head
                                                      : NormRole::other;
    const std::string word = components(text).back();
    if (word == "post_attention_norm") return NormRole::post_attention;  // GGUF's words
    if (word == "post_ffw_norm") return NormRole::post_mlp;
    if (word == "attn_output_norm") return NormRole::attention;
    if (word == "layer_output_norm") return NormRole::mlp;
    if (has("ln_1") || has("ln1") || has("input_layernorm") || has("attn_norm") || has("attention_norm") ||
        has("layernorm_before") || has("norm1") || has("self_attn_layer_norm") ||
        has("attention.output.layernorm")) {
        return NormRole::attention;
    }
    const bool mlp = has("ln_2") || has("ln2") || has("post_attention_layernorm") || has("ffn_norm") ||
                     has("mlp_norm") || has("layernorm_after") || has("norm2") || has("final_layer_norm") ||
                     word == "layernorm";
    return mlp ? NormRole::mlp : NormRole::other;
}

// How much a name without a block number looks like the norm behind the last block (conventions of published
// models).
int final_rank(const std::string& name) {
    const std::string word = components(lower(name)).back();
    for (const std::string_view known :
         {"ln_f", "final_layer_norm", "final_layernorm", "norm_f", "final_norm", "ln_out", "output_norm"}) {
        if (word == known) return 3;
    }
    for (const std::string_view known : {"norm", "layernorm", "post_layernorm", "ln", "layer_norm"}) {
        if (word == known) return 2;
    }
    return 1;
}

// What a GGUF file says of the norms of a family that is not known (core/checkpoint/gguf_config).
struct StatedNorm {
    NormKind kind = NormKind::unknown;
    double eps = 0.0;
};
StatedNorm stated_norm(const Checkpoint& checkpoint) {
    const nlohmann::json& config = checkpoint.config();
    if (!config.is_object() || !config.contains("gguf_norm")) return {};
    const nlohmann::json& norm = config["gguf_norm"];
    return {norm.at("kind") == "layer_norm" ? NormKind::layer_norm : NormKind::rms_norm,
            norm.at("eps").get<double>()};
}

std::vector<NormSpec> collect(const Checkpoint& checkpoint) {
    std::vector<NormSpec> out;
    const bool is_gguf = checkpoint.config().is_object() && checkpoint.config().value("gguf", false);
    const StatedNorm stated = is_gguf ? stated_norm(checkpoint) : StatedNorm{};
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        if (tensor.shape.size() != 1 || tensor.elements == 0 || !is_floating(tensor.dtype)) continue;
        for (const std::string_view ending : weight_endings) {
            const std::string name = tensor.name.ends_with(ending)
                                         ? tensor.name.substr(0, tensor.name.size() - ending.size())
                                         : "";
            if (name.empty() || !is_norm_module(name)) continue;
            NormSpec norm;
            norm.name = name;
            norm.weight = tensor.name;
            norm.d = static_cast<std::int64_t>(tensor.elements);
            norm.kind = stated.kind;
            norm.eps = stated.eps;
            norm.block = block_number(name);
            norm.role = role_of(name, norm.block.has_value());
            for (const char* bias : {".bias", ".beta"}) {
                const TensorInfo* found = checkpoint.find(name + bias);
                if (found != nullptr && found->shape == tensor.shape && is_floating(found->dtype))
                    norm.bias = found->name;
            }
            out.push_back(std::move(norm));
        }
    }
    return out;
}

// Marks the likeliest final norm: as wide as the stream (the commonest width), without a block number.
void mark_final(std::vector<NormSpec>& norms) {
    std::int64_t d = 0;
    std::ptrdiff_t most = 0;
    for (const NormSpec& norm : norms) {
        const auto count = std::ranges::count(norms, norm.d, &NormSpec::d);
        if (count > most) std::tie(most, d) = std::tuple(count, norm.d);
    }
    NormSpec* best = nullptr;
    for (NormSpec& norm : norms) {
        if (norm.block || norm.role != NormRole::other || norm.d != d) continue;
        if (best == nullptr || final_rank(norm.name) >= final_rank(best->name)) best = &norm;
    }
    if (best != nullptr) best->role = NormRole::final;
}

}  // namespace

std::vector<NormSpec> search_norms(const Checkpoint& checkpoint) {
    std::vector<NormSpec> norms = collect(checkpoint);
    if (norms.empty()) {
        throw Error::input("No tensor of the checkpoint looks like a norm's weight",
                           {.file = checkpoint.source(),
                            .expected = "a one-dimensional tensor named like ln_f.weight or norm.weight",
                            .found = std::to_string(checkpoint.tensors().size()) + " other tensors"});
    }
    mark_final(norms);
    // Order of use: embeddings, blocks by number (attention before MLP), what has no place, final, heads.
    const auto place = [](const NormSpec& norm) {
        const int stage = norm.block                         ? 1
                          : norm.role == NormRole::embedding ? 0
                          : norm.role == NormRole::final     ? 3
                          : norm.role == NormRole::head      ? 4
                                                             : 2;
        return std::tuple(stage, norm.block.value_or(0), norm.role, std::string_view(norm.name));
    };
    std::ranges::sort(norms, {}, place);
    return norms;
}

}  // namespace deadscope

// See gguf_tokenizer.h.
#include "core/checkpoint/gguf_tokenizer.h"

namespace deadscope {
namespace {

template <class To>
std::vector<To> list(const GgufMetadata& metadata, const char* key, std::size_t expected) {
    const std::vector<double> values = metadata.numbers(key);
    if (!values.empty() && values.size() != expected) {
        metadata.wrong(key, "one for each of the " + std::to_string(expected) + " tokens",
                       std::to_string(values.size()));
    }
    std::vector<To> out;
    out.reserve(values.size());
    for (const double value : values) {
        constexpr double most = 1 << 30;
        if constexpr (std::is_integral_v<To>) {
            if (!(value >= -most && value <= most))
                metadata.wrong(key, "small numbers", std::to_string(value));
        }
        out.push_back(static_cast<To>(value));
    }
    return out;
}

std::int32_t id(const GgufMetadata& metadata, const char* key, std::size_t tokens) {
    const auto value = metadata.integer(key);
    if (!value || *value == 0xFFFFFFFF || *value == -1) return -1;  // both stand for none
    if (*value < 0 || static_cast<std::uint64_t>(*value) >= tokens)
        metadata.wrong(key, "a token below " + std::to_string(tokens), std::to_string(*value));
    return static_cast<std::int32_t>(*value);
}

}  // namespace

std::optional<EmbeddedTokenizer> gguf_tokenizer(const GgufMetadata& metadata) {
    const auto model = metadata.text("tokenizer.ggml.model");
    if (!model || *model == "none" || !metadata.has("tokenizer.ggml.tokens")) return std::nullopt;
    EmbeddedTokenizer out;
    out.model = *model;
    out.pre = metadata.text("tokenizer.ggml.pre").value_or("");
    out.tokens = metadata.texts("tokenizer.ggml.tokens");
    const std::size_t count = out.tokens.size();
    out.scores = list<float>(metadata, "tokenizer.ggml.scores", count);
    out.types = list<std::int32_t>(metadata, "tokenizer.ggml.token_type", count);
    out.merges = metadata.texts("tokenizer.ggml.merges");
    out.bos = id(metadata, "tokenizer.ggml.bos_token_id", count);
    out.eos = id(metadata, "tokenizer.ggml.eos_token_id", count);
    out.unknown = id(metadata, "tokenizer.ggml.unknown_token_id", count);
    out.separator = id(metadata, "tokenizer.ggml.seperator_token_id", count);  // spelt so by the format
    out.padding = id(metadata, "tokenizer.ggml.padding_token_id", count);
    out.classify = id(metadata, "tokenizer.ggml.cls_token_id", count);
    out.mask = id(metadata, "tokenizer.ggml.mask_token_id", count);
    out.add_bos = metadata.boolean("tokenizer.ggml.add_bos_token");
    out.add_eos = metadata.boolean("tokenizer.ggml.add_eos_token");
    out.add_separator = metadata.boolean("tokenizer.ggml.add_sep_token");
    out.add_space_prefix = metadata.boolean("tokenizer.ggml.add_space_prefix");
    out.remove_extra_whitespaces = metadata.boolean("tokenizer.ggml.remove_extra_whitespaces");
    out.precompiled_charsmap = metadata.bytes("tokenizer.ggml.precompiled_charsmap");
    return out;
}

}  // namespace deadscope

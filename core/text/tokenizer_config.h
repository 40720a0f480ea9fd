// What stands beside a vocabulary: tokenizer_config.json, special_tokens_map.json, added_tokens.json and the
// model's config.json, as far as they decide on token ids. A file that is absent says nothing.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/text/added_tokens.h"

namespace deadscope {

// Thread rule: immutable.
class TokenizerConfig {
public:
    explicit TokenizerConfig(const Checkpoint& checkpoint);

    // The family, by tokenizer_class and model_type: "t5", "roberta", "llama"; lower case, without
    // "tokenizer".
    const std::string& family() const { return family_; }
    std::optional<bool> flag(std::string_view key) const;
    // "bos_token" and the like: the token, or nothing where it is absent or null.
    std::optional<AddedToken> special(std::string_view key) const;
    std::string special_or(std::string_view key, std::string_view absent) const;
    // Tokens with ids of their own: added_tokens_decoder and added_tokens.json.
    std::map<std::int32_t, AddedToken> added() const;
    // Every special token that is named, in the order of transformers.
    std::vector<AddedToken> all_special() const;

private:
    std::string config_file_, map_file_, added_file_;  // before what is read from them, which fills them in
    nlohmann::json config_, map_, added_;
    std::string family_;
};

}  // namespace deadscope

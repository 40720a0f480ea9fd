// SentencePiece's BPE: neighbours whose join is a token are joined, the token of the best score first, until
// nothing joins. Unlike bpe.h it has scores and no list of merges.
#pragma once

#include <memory>

#include "core/text/token_model.h"

namespace deadscope {

struct BigramSettings {
    std::vector<std::string> tokens;      // [vocabulary]
    std::vector<float> scores;            // [vocabulary]
    std::vector<std::int32_t> types;      // [vocabulary] or empty: GGUF's
    std::optional<std::int32_t> unknown;  // id; where bytes have no tokens
    std::string file{};                   // for messages
};

std::unique_ptr<TokenModel> make_bigrams(BigramSettings settings);

}  // namespace deadscope

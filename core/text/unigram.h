// The unigram model: of all ways to spell a text in tokens, the one whose scores add up to most.
#pragma once

#include <memory>

#include "core/text/token_model.h"

namespace deadscope {

struct UnigramSettings {
    std::vector<std::pair<std::string, double>> pieces;  // [vocabulary]: token and its log-probability
    std::optional<std::size_t> unknown;                  // index
    bool byte_fallback = false;                          // unknown characters are their bytes, as <0x41>
    std::string file{};                                  // for messages
};

// Errors: an unknown token beyond the vocabulary.
std::unique_ptr<TokenModel> make_unigram(UnigramSettings settings);

}  // namespace deadscope

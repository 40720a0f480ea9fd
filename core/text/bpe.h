// Byte pair encoding: the characters of a word, merged pair by pair in the order in which the merges were
// learned.
#pragma once

#include <memory>
#include <utility>

#include "core/text/token_model.h"

namespace deadscope {

struct BpeSettings {
    Vocabulary vocabulary;
    std::vector<std::pair<std::string, std::string>> merges;
    std::optional<std::string> unknown;  // token
    std::string subword_prefix{};        // of every character but the first
    std::string word_suffix{};           // of the last
    bool fuse_unknown = false;           // a run of unknown characters is one token
    bool byte_fallback = false;          // an unknown character is its bytes, as <0x41>
    bool ignore_merges = false;          // a word that is a token is that token
    std::string file{};                  // for messages
    std::string key{};
};

// Errors: a merge whose parts or result are no tokens.
std::unique_ptr<TokenModel> make_bpe(BpeSettings settings);

}  // namespace deadscope

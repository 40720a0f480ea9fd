// The two simplest models: a word is a token (WordLevel), or the longest tokens that it begins with, one
// after another (WordPiece).
#pragma once

#include <memory>

#include "core/text/token_model.h"

namespace deadscope {

struct WordPieceSettings {
    Vocabulary vocabulary;
    std::string unknown = "[UNK]";
    std::string subword_prefix = "##";
    std::size_t longest_word = 100;  // characters; a longer one is unknown
    std::string file{};              // for messages
};

std::unique_ptr<TokenModel> make_word_piece(WordPieceSettings settings);
std::unique_ptr<TokenModel> make_word_level(WordPieceSettings settings);

}  // namespace deadscope

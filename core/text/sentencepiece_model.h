// What a SentencePiece model file holds, read from its wire format (sentencepiece_model.proto) with every
// length checked: the library itself trusts its character map.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace deadscope {

struct SentencePieceModel {
    enum Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
    enum class Kind { unigram = 1, bpe = 2, word = 3, character = 4 };

    std::string bytes;                                   // the whole file
    std::vector<std::pair<std::string, double>> pieces;  // [vocabulary]: text and score
    std::vector<int> types;                              // [vocabulary]
    Kind kind = Kind::unigram;
    bool byte_fallback = false;
    std::string charsmap;  // of the normalizer; checked
};

// Errors: a file that is no such model, or whose character map leads out of itself.
SentencePieceModel read_sentencepiece_model(const std::string& path);

}  // namespace deadscope

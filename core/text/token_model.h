// What turns one word into tokens: the last step of a tokenizer. One model a file: bpe.h, word_piece.h,
// unigram.h, bigrams.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace deadscope {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
// Token → id.
using Vocabulary = std::unordered_map<std::string, std::int32_t, TextHash, std::equal_to<>>;

std::optional<std::int32_t> find_token(const Vocabulary& vocabulary, std::string_view token);
// "<0x41>" for a byte.
std::string byte_token(unsigned char byte);

// Thread rule: immutable; may be called from any thread.
class TokenModel {
public:
    virtual ~TokenModel() = default;
    // Adds the tokens of `word`, which is not empty and valid UTF-8. Errors: a word that the vocabulary
    // cannot spell where it has no token for the unknown.
    virtual void encode(std::string_view word, std::vector<std::int32_t>& out) const = 0;
    virtual std::optional<std::int32_t> find(std::string_view token) const = 0;
    virtual std::size_t size() const = 0;  // of the vocabulary
};

}  // namespace deadscope

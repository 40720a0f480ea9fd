// SentencePiece's precompiled character map: a trie in Darts-clone's double array, then the replacements,
// each closed by a zero byte. Read where it lies; every step is within bounds because the whole trie was
// checked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/regex.h"

namespace deadscope {

// Thread rule: immutable; may be called from any thread.
class Charsmap {
public:
    // Errors: a blob that is cut short, or whose trie leads out of it.
    Charsmap(std::string_view blob, const PatternSource& source);
    static Charsmap from_base64(std::string_view text, const PatternSource& source);

    // Clusters of characters by `tokenizers`' rule: a short cluster is replaced as a whole by what its
    // shortest known start stands for.
    std::string normalize_graphemes(std::string_view text) const;
    // By SentencePiece's own: at each place the longest start that is known.
    std::string normalize_longest(std::string_view text) const;

private:
    struct Match {
        std::size_t length = 0;  // of the text, bytes; 0: none
        std::string_view replacement{};
    };
    // The shortest start of `text` that is known, or the longest.
    Match match(std::string_view text, bool longest) const;
    std::optional<std::string_view> shortest(std::string_view text) const;
    std::vector<std::uint32_t> trie_;
    std::string replacements_;
};

// Without spaces at either end, and one in each gap.
std::string single_spaces(std::string_view text);

}  // namespace deadscope

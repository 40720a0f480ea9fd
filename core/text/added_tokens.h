// Tokens that are found in the text as they stand, before the model sees it: special ones, and those that a
// person added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/text/normalizer.h"
#include "core/text/prefix_index.h"
#include "core/text/token_model.h"

namespace deadscope {

struct AddedToken {
    std::string content;
    bool single_word = false;  // not within a word
    bool lstrip = false;       // takes the white space before it
    bool rstrip = false;       // and behind it
    bool normalized = true;    // looked for in the normalised text, in its own normalised form
    bool special = false;
};

// Thread rule: add() and build() by one thread, then immutable; cut() may be called from any thread.
class AddedTokens {
public:
    // The id is the model's own for this content, else the next that is free, as `tokenizers` gives it.
    std::int32_t add(const AddedToken& token, const TokenModel& model);
    // With an id that is known, where the model's own words are not to be asked.
    void add(const AddedToken& token, std::int32_t id);
    void build(const Normalizer& normalizer);
    std::optional<std::int32_t> find(std::string_view content) const;

    // The text as pieces, normalised but for the tokens. The normalizer may be empty.
    Pieces cut(std::string text, const Normalizer& normalizer) const;

private:
    void cut_by(const PrefixIndex& index, const Piece& piece, Pieces& out) const;
    std::map<std::int32_t, AddedToken> tokens_;  // by id
    std::map<std::string, std::int32_t, std::less<>> ids_;
    PrefixIndex as_given_, normalised_;
};

}  // namespace deadscope

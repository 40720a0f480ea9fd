// The pre-tokenizers of a tokenizer.json: normalised text → words. Patterns are regex.h's, cutting is
// splitting.h's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/text/regex.h"
#include "core/text/splitting.h"

namespace deadscope {

// Cuts the pieces that are no tokens yet. Thread rule: immutable; may be called from any thread.
using PreTokenizer = std::function<void(Pieces&)>;

// Errors: a kind that is not known (named), an option that is missing or malformed.
PreTokenizer read_pre_tokenizer(const JsonObject& object);

// The words of each pattern in turn, then bytes as characters: GPT-2's way, with the patterns of its heirs.
PreTokenizer byte_level_words(std::vector<Regex> patterns);
PreTokenizer words_by(std::vector<Regex> patterns);  // the same without the bytes
PreTokenizer bert_words();
extern const char* const gpt2_pattern;

}  // namespace deadscope

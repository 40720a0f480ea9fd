// The normalizers of a tokenizer.json: text → text before it is cut. Patterns are regex.h's, SentencePiece's
// table is charsmap.h's.
#pragma once

#include <functional>

#include "core/base/json.h"
#include "core/text/splitting.h"

namespace deadscope {

// Changes the text in place. Thread rule: immutable; may be called from any thread.
using Normalizer = std::function<void(Piece&)>;

// Errors: a kind that is not known (named), an option that is missing or malformed.
Normalizer read_normalizer(const JsonObject& object);

struct BertNormalizing {
    bool clean_text = true;
    bool handle_chinese_chars = true;
    bool strip_accents = true;
    bool lowercase = true;
};
Normalizer bert_normalizer(const BertNormalizing& how);

// Each byte as the printable character that GPT-2 gave it.
std::string byte_characters(std::string_view text);

}  // namespace deadscope

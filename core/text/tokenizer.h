// Text to token ids, by the checkpoint's own tokenizer: tokenizer.json, vocab.json + merges.txt, vocab.txt,
// a SentencePiece model, or the one inside a GGUF file. Ids are those of the `tokenizers` package.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Thread rule: immutable; encode() may be called from any thread.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;
    // Invalid UTF-8 is read as Python's errors="replace" reads it. special: with the tokens that the
    // post-processor adds ([CLS] … [SEP], <s> …).
    virtual std::vector<std::int32_t> encode(std::string_view text, bool special) const = 0;
    // Token ids of one sequence with those that the post-processor adds, as encode(…, true) does.
    virtual std::vector<std::int32_t> with_special(std::vector<std::int32_t> ids) const = 0;
    virtual std::string source() const = 0;  // the file it was read from, for people
};

// Errors: Error::input naming the files looked for, or the part of a tokenizer.json that is not known.
std::unique_ptr<Tokenizer> open_tokenizer(const Checkpoint& checkpoint);

}  // namespace deadscope

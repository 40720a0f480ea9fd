// Tokenizers in the files from before tokenizer.json: vocab.json with merges.txt (GPT-2's way, and its
// heirs'), vocab.txt (BERT's WordPiece; ESM's letters).
#pragma once

#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace deadscope {

// Errors: malformed files; a family whose way of cutting words is not known.
std::unique_ptr<Tokenizer> open_vocab_and_merges(const Checkpoint& checkpoint, const std::string& vocabulary,
                                                 const std::string& merges);
std::unique_ptr<Tokenizer> open_vocab_txt(const Checkpoint& checkpoint, const std::string& path);

}  // namespace deadscope

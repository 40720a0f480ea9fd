// A SentencePiece model (tokenizer.model, spiece.model, sentencepiece.bpe.model, spm.model) inside the
// wrapping of its family. The families whose models transformers turns into a tokenizer of `tokenizers` are
// turned the same way, so that ids are the same; any other model is run by the SentencePiece library itself.
#pragma once

#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace deadscope {

// Errors: a file that is no such model, or whose tables lead out of it.
std::unique_ptr<Tokenizer> open_sentencepiece(const Checkpoint& checkpoint, const std::string& path);

}  // namespace deadscope

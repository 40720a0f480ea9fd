// A SentencePiece model (tokenizer.model, spiece.model, sentencepiece.bpe.model), run by the library itself,
// inside the wrapping of its family: which tokens stand round a sequence, and by how much fairseq's ids are
// moved.
#pragma once

#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace deadscope {

// Errors: a file that is no such model, or whose tables lead out of it.
std::unique_ptr<Tokenizer> open_sentencepiece(const Checkpoint& checkpoint, const std::string& path);

}  // namespace deadscope

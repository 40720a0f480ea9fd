// The tokenizer inside a GGUF file → a Pipeline: its four models (gpt2, llama, bert, t5) in the words of
// checkpoint.h's EmbeddedTokenizer.
#pragma once

#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace deadscope {

// Errors: a model or a way of cutting words that is not known, lists that do not fit each other.
std::unique_ptr<Tokenizer> make_embedded_tokenizer(EmbeddedTokenizer embedded, const std::string& file);

}  // namespace deadscope

// The tokenizer that a GGUF file carries (keys tokenizer.ggml.*), in the format's own words.
#pragma once

#include <optional>

#include "core/checkpoint/gguf_header.h"

namespace deadscope {

// Nothing where the file has none. Errors: lists of different lengths, a value of another type (key named).
std::optional<EmbeddedTokenizer> gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace deadscope

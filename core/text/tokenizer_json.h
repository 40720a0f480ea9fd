// The file tokenizer.json of the library `tokenizers` (version "1.0"). Its components are read beside this:
// normalizer.h, pre_tokenizer.h, post_processor.h; here are the models and how all of it goes together.
#pragma once

#include <memory>
#include <string>

#include "core/text/tokenizer.h"

namespace deadscope {

// Truncation, padding and the decoder are left alone. Errors: a component or an option that is not known, by
// its name.
std::unique_ptr<Tokenizer> open_tokenizer_json(const std::string& path);
// `name`: for messages and source().
std::unique_ptr<Tokenizer> read_tokenizer_json(std::string_view text, const std::string& name);

}  // namespace deadscope

// What the word under tokenizer.ggml.pre of a GGUF file stands for: how text is cut into words. The words are
// the format's converters'; what they mean is data, assets/tokenizers/gguf.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

struct GgufWords {
    std::vector<std::string> patterns;  // Oniguruma's dialect, one after another
    bool nfc = false;                   // the text is composed first
    bool bytes = true;                  // words are bytes as characters; else spaces as U+2581
    bool ignore_merges = false;
    bool add_bos = false;  // where the file does not say
};

// Errors: a word that is not known.
GgufWords gguf_words(const std::string& pre, const std::string& file);

}  // namespace deadscope

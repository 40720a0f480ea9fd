// The files that are read with a checkpoint's weights where they stand beside them: its configuration,
// tokenizer and preprocessing.
#pragma once

namespace deadscope {

inline constexpr const char* companions[] = {"config.json",
                                             "tokenizer.json",
                                             "tokenizer_config.json",
                                             "special_tokens_map.json",
                                             "added_tokens.json",
                                             "vocab.json",
                                             "merges.txt",
                                             "vocab.txt",
                                             "tokenizer.model",
                                             "spiece.model",
                                             "sentencepiece.bpe.model",
                                             "spm.model",
                                             "preprocessor_config.json",
                                             "processor_config.json"};

}  // namespace deadscope

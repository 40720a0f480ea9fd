// See output_guard.h.
#include "core/checkpoint/output_guard.h"

#include <filesystem>

#include "core/base/output_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {
namespace {

// What may stand beside the weights and is read with them.
constexpr const char* companions[] = {"tokenizer.json",
                                      "tokenizer_config.json",
                                      "tokenizer.model",
                                      "spiece.model",
                                      "sentencepiece.bpe.model",
                                      "vocab.json",
                                      "merges.txt",
                                      "vocab.txt",
                                      "added_tokens.json",
                                      "special_tokens_map.json",
                                      "preprocessor_config.json",
                                      "processor_config.json"};

}  // namespace

void refuse_output_over_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
    refuse_output_over_input(path, checkpoint.config_path());
    for (const auto& file : checkpoint.files()) refuse_output_over_input(path, file->path());
    if (checkpoint.folder().empty()) return;
    for (const char* name : companions)
        refuse_output_over_input(path, (std::filesystem::path(checkpoint.folder()) / name).string());
}

}  // namespace deadscope

// The GGUF format (ggml's specification, versions 2 and 3): metadata, tensor table, quantised blocks. The
// metadata becomes a configuration in config.json's words and tensors take the family's own names, by the
// tables in assets/gguf; what a block means is quantised.h's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Errors: a file of another kind, cut short, or whose table contradicts it (key or tensor named); one part of
// a split file.
std::unique_ptr<WeightsFile> open_gguf(std::shared_ptr<const MappedFile> file);
// All parts of a split file, in order. The first carries metadata and tokenizer. Errors: as above, and parts
// that do not belong together.
std::vector<std::unique_ptr<WeightsFile>> open_gguf_parts(
    std::vector<std::shared_ptr<const MappedFile>> parts);
// "m-00002-of-00003.gguf" -> the names of all three; any other name -> itself.
std::vector<std::string> gguf_part_names(std::string_view file_name);

}  // namespace deadscope

// The GGUF format (ggml's specification, versions 2 and 3): metadata, tensor table, quantised blocks. The
// metadata becomes a configuration in config.json's words and tensors take the family's own names, by the
// tables in assets/gguf; what a block means is quantised.h's.
#pragma once

#include <memory>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Errors: a file of another kind, cut short, or whose table contradicts it (key or tensor named).
std::unique_ptr<WeightsFile> open_gguf(std::shared_ptr<const MappedFile> file);

}  // namespace deadscope

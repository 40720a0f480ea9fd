// The safetensors format: a length, a JSON header, one buffer. Read strictly: what the header says must
// cover the buffer without overlap or hole. Sharded sets and folders are core/checkpoint/folder's.
#pragma once

#include <memory>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Errors: a file of another kind (named where it is recognised: Git LFS pointer, HTML page, GGUF, zip, ...),
// one cut short, or a header that contradicts itself or the file (tensor, expected and found named).
std::unique_ptr<WeightsFile> open_safetensors(std::shared_ptr<const MappedFile> file);

}  // namespace deadscope

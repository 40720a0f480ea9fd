// One file of weights, read by the format that its name or its first bytes tell.
#pragma once

#include <memory>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Names that end in .safetensors or .gguf are held to it; others are what their bytes say, a name that says
// nothing included. check_entries: see open_torch. Errors: as the formats', and one that none of them reads.
std::unique_ptr<WeightsFile> open_format(std::shared_ptr<const MappedFile> file, bool check_entries = true);

}  // namespace deadscope

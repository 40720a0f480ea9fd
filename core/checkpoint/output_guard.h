// An output that is also one of the checkpoint's own files is refused (interface.md, untrusted input).
#pragma once

#include <string>

namespace deadscope {

class Checkpoint;

// Errors: Error::usage where `path` names the configuration, a weights file, an index of shards, or a
// tokenizer's or preprocessor's file of the checkpoint.
void refuse_output_over_checkpoint(const std::string& path, const Checkpoint& checkpoint);

}  // namespace deadscope

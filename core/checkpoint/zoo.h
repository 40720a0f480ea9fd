// The built-in models: ordinary checkpoints among the program's embedded files (assets/models).
#pragma once

#include <optional>
#include <string>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

bool is_zoo_name(const std::string& model);  // begins with "zoo:"
// "zoo:NAME[@STEP]". Errors: an unknown name or step; the message lists the known ones.
Checkpoint open_zoo_model(const std::string& model);
std::optional<std::string> initial_zoo_snapshot(const std::string& model);
// Whether the model's token ids are bytes.
bool has_byte_vocabulary(const std::string& source);

}  // namespace deadscope

// The metadata of a GGUF file as a configuration in config.json's words, by the table of its architecture.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/checkpoint/gguf_model.h"

namespace deadscope {

// "model_type" (the architecture's own name where there is no table for it), "gguf": true, "gguf_norm" (kind
// and eps, where the file has the one key or the other), and what the table names. Errors: a value of another
// type than the key can have.
nlohmann::json gguf_config(const GgufModel& model);

}  // namespace deadscope

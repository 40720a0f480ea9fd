// Rotary scaling as GGUF tells it (keys, or factors in tensors), in the words of config.json.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/checkpoint/gguf_model.h"

namespace deadscope {

// The object rope_scaling; null where positions are not scaled.
nlohmann::json gguf_rope_scaling(const GgufModel& model);

}  // namespace deadscope

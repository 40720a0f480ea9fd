// Inputs of models of sound: seeded random frames, arrays of log-mel frames, and WAVE files prepared as the
// checkpoint's preprocessor_config.json says.
#pragma once

#include <string>

#include "core/reading/input.h"

namespace deadscope {

class Checkpoint;

ModelInput random_sounds(const Plan& plan, const InputSettings& settings);
// float32 [B, mel, frames] of the model's own size. Errors: as prepare_input.
ModelInput sounds_from_array(const Plan& plan, const std::string& path);
// One WAVE file, split into windows of the model's length, the last one padded. Errors: as prepare_input.
ModelInput sounds_from_wave(const Plan& plan, const std::string& path, const Checkpoint* checkpoint);

}  // namespace deadscope

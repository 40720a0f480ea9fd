// Inputs of vision models: seeded random pixels, arrays of preprocessed pictures, and pictures prepared as
// the checkpoint's preprocessor_config.json says.
#pragma once

#include <cstddef>
#include <string>

#include "core/reading/input.h"

namespace deadscope {

class Checkpoint;

ModelInput random_pictures(const Plan& plan, const InputSettings& settings);
// float32 [B, C, H, W] of the model's own size. Errors: as prepare_input.
ModelInput pictures_from_array(const Plan& plan, const std::string& path);
// A folder of PNG and JPEG files, one such file, or drawn scenes (kDrawnScenes). A built-in model, which has
// no preprocessing of its own, takes them at its own size with values from -1 to 1. Errors: as prepare_input.
ModelInput pictures_from_files(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint);
// Rows of X_0 that can be independent, at most (math.md §4).
// The plan of a model that reads pictures of any size takes on that of the pictures given.
void fit_to_pictures(Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint);
std::size_t independent_patches(const Plan& plan, const ModelInput& input);

}  // namespace deadscope

// Inputs of vision models: seeded random pixels, arrays of preprocessed pictures.
#pragma once

#include <cstddef>
#include <string>

#include "core/reading/input.h"

namespace deadscope {

ModelInput random_pictures(const Plan& plan, const InputSettings& settings);
// float32 [B, C, H, W] of the model's own size. Errors: as prepare_input.
ModelInput pictures_from_array(const Plan& plan, const std::string& path);
// Rows of X_0 that can be independent, at most (math.md §4).
std::size_t independent_patches(const Plan& plan, const ModelInput& input);

}  // namespace deadscope

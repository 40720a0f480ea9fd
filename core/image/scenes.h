// Pictures that need no files: drawn scenes of gradients, chequers, discs and noise, each another one, the
// same for the same seed and number on every machine.
#pragma once

#include <cstdint>

#include "core/image/picture.h"

namespace deadscope {

// A picture of 288 × 224 pixels.
Picture draw_scene(std::uint64_t seed, std::size_t number);

}  // namespace deadscope

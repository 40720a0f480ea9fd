// Resizing of 8-bit pictures with Pillow's arithmetic, to the last bit: the processors of vision models are
// defined by it. Which size and filter, the checkpoint says (preprocessing.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/image/picture.h"

namespace deadscope {

// Pillow's numbers, which preprocessor_config.json uses.
enum class Resampling { nearest = 0, lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };
std::optional<Resampling> resampling_from_number(std::int64_t number);

// With antialiasing: where the picture shrinks, the filter widens by the same factor.
Picture resize(const Picture& from, std::size_t width, std::size_t height, Resampling filter);

}  // namespace deadscope

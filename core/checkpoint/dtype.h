// Storage types and their conversion to float and double, one element after another.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

std::optional<DType> dtype_from_name(std::string_view name);

// `from`: count elements of a readable type, little-endian, of any alignment. Narrowing rounds to nearest
// even. Owns nothing, so that it may be left halfway (MappedFile::visit).
void convert_elements(DType dtype, const std::byte* from, std::size_t count, float* to);
void convert_elements(DType dtype, const std::byte* from, std::size_t count, double* to);
// Elements [first, first + count) of F4, of which two are in a byte.
void convert_f4(const std::byte* from, std::size_t first, std::size_t count, float* to);
void convert_f4(const std::byte* from, std::size_t first, std::size_t count, double* to);

}  // namespace deadscope

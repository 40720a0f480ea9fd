// Elements of a tensor whose neighbours do not lie beside each other: transposed, sliced or repeated views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Strides in elements; extents and strides of the same length, no extent 0.
struct StridedLayout {
    const std::int64_t* shape = nullptr;
    const std::int64_t* strides = nullptr;
    std::size_t rank = 0;
};

bool is_contiguous(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides);

// Row-major elements [range) of the view that begins at `from`. Owns nothing, so that it may be left halfway
// (MappedFile::visit). dtype: one of whole bytes.
void gather(StridedLayout layout, ElementRange range, DType dtype, const std::byte* from, float* to);
void gather(StridedLayout layout, ElementRange range, DType dtype, const std::byte* from, double* to);

}  // namespace deadscope

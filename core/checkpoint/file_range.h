// Where elements of a tensor lie in its file, for hints: formats whose elements have no bytes of their own
// (quantised blocks) get the share of the tensor's bytes.
#pragma once

#include <algorithm>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

inline FileRange file_range(const TensorInfo& tensor, ElementRange range) {
    if (tensor.elements == 0) return {tensor.offset, 0};
    const double each = static_cast<double>(tensor.bytes) / static_cast<double>(tensor.elements);
    const auto first =
        std::min(tensor.bytes, static_cast<std::uint64_t>(each * static_cast<double>(range.first)));
    const auto count = static_cast<std::uint64_t>(each * static_cast<double>(range.count));
    return {tensor.offset + first, std::min(tensor.bytes - first, count)};
}

}  // namespace deadscope

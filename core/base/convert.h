// Numbers as a file stores them, unaligned, to numbers in memory. Byte order is the machine's: the formats
// read here are little-endian, as it is.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/base/function_clones.h"

namespace deadscope {

// from: `count` values of type From, at any address; to: [count]. From converts to To explicitly.
template <class From, class To>
DEADSCOPE_INLINE void convert_all(const std::byte* from, std::size_t count, To* to) {
    for (std::size_t i = 0; i < count; ++i) {
        From value;
        std::memcpy(&value, from + i * sizeof(From), sizeof(From));
        to[i] = static_cast<To>(value);
    }
}

}  // namespace deadscope

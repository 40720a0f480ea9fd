// See magnitude.h. Without their sign, floating numbers are in the order of their bits as whole numbers,
// infinity above all finite ones and what is not a number above that; a maximum of whole numbers vectorises.
#include "core/base/magnitude.h"

#include <bit>
#include <cstdint>
#include <limits>

#include "core/base/function_clones.h"

namespace deadscope {
namespace {

template <typename Bits, typename T>
DEADSCOPE_INLINE T largest(const T* values, std::size_t n) {
    constexpr Bits all_but_the_sign = std::numeric_limits<Bits>::max();
    Bits most = 0;
#pragma omp simd reduction(max : most)
    for (std::size_t i = 0; i < n; ++i) {
        const Bits bits = std::bit_cast<Bits>(values[i]) & all_but_the_sign;
        most = bits > most ? bits : most;
    }
    return std::bit_cast<T>(most);
}

DEADSCOPE_CLONES float largest_of(const float* values, std::size_t n) {
    return largest<std::int32_t>(values, n);
}
DEADSCOPE_CLONES double largest_of(const double* values, std::size_t n) {
    return largest<std::int64_t>(values, n);
}

}  // namespace

float largest_magnitude(std::span<const float> values) {
    return largest_of(values.data(), values.size());
}

double largest_magnitude(std::span<const double> values) {
    return largest_of(values.data(), values.size());
}

}  // namespace deadscope

// Arithmetic on sizes that come from files: every sum and product either fits or is said not to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace deadscope {

inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

inline std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

// Product of a shape's extents; nothing where an extent is negative or the product does not fit.
inline std::optional<std::uint64_t> checked_elements(std::span<const std::int64_t> shape) {
    std::uint64_t elements = 1;
    for (const std::int64_t extent : shape) {
        if (extent < 0) return std::nullopt;
        const auto product = checked_multiply(elements, static_cast<std::uint64_t>(extent));
        if (!product) return std::nullopt;
        elements = *product;
    }
    return elements;
}

}  // namespace deadscope

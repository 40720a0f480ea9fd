// The instruction of tensor cores that core/backend/cuda/tensor_core.h issues, which has no C++ name in the
// toolkit: what PTX ISA says of mma.m16n8k16 with floating point operands. A device adds the products of an
// element in an order and with roundings of its own; here one after another, each sum rounded once.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "tests/emulation/kernel_threads.h"

namespace deadscope_emulation {

// Every value of the type: an instruction looks at 4096 of them.
template <typename T>
const std::vector<float>& all_values() {
    static const std::vector<float> values = [] {
        std::vector<float> out(1u << 16);
        for (std::uint32_t bits = 0; bits < out.size(); ++bits)
            out[bits] = static_cast<float>(std::bit_cast<T>(static_cast<std::uint16_t>(bits)));
        return out;
    }();
    return values;
}

// d [16, 8] += a [16, 16] b [16, 8]; T is one of the 16-bit types.
template <typename T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  const Place place = Place::current()) {
    require_generation(8, place);
    const auto two = [](std::uint32_t low, std::uint32_t high) {
        return static_cast<std::uint64_t>(high) << 32 | low;
    };
    // Of the rows g: columns 2t, 2t + 1, 2t + 8, 2t + 9; of the rows g + 8 the same; of b's columns likewise.
    const std::array<std::uint64_t, 32> upper = gather(two(a[0], a[2]), place);
    const std::array<std::uint64_t, 32> lower = gather(two(a[1], a[3]), place);
    const std::array<std::uint64_t, 32> columns = gather(two(b[0], b[1]), place);
    const float* const values = all_values<T>().data();
    const auto element = [&](std::uint64_t registers, unsigned which) {
        return values[static_cast<std::uint16_t>(registers >> (16 * which))];
    };
    const unsigned row = lane() / 4;
    for (unsigned e = 0; e < 4; ++e) {
        const unsigned column = 2 * (lane() % 4) + e % 2;
        for (unsigned k = 0; k < 16; ++k) {
            const unsigned holder = k % 8 / 2, which = k / 8 * 2 + k % 2;
            const float left = element((e < 2 ? upper : lower)[4 * row + holder], which);
            d[e] += left * element(columns[4 * column + holder], which);  // the product is exact
        }
    }
}

}  // namespace deadscope_emulation

// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). Any number of a stream is computed
// alone from its index, so that a random twin needs no storage and is the same on every backend (math.md §5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace deadscope {

// The bijection itself: 10 rounds.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// A stream of numbers addressed by index, the same to the last bit on any IEEE 754 machine (no libm, no fused
// products), keyed by a seed and a name (a tensor's, or a purpose's): key = seed, counter = (index, FNV-1a
// hash of the name). Use one kind of draw per stream: the kinds share their bits. Thread rule: immutable; may
// be used from any thread.
class Philox {
public:
    Philox(std::uint64_t seed, std::string_view name);

    double uniform(std::uint64_t index) const;  // [0, 1), 52 bits
    double normal(std::uint64_t index)
        const;  // standard normal by Box-Muller; an index pair (2i, 2i + 1) shares one draw
    std::uint64_t below(std::uint64_t index,
                        std::uint64_t bound) const;  // [0, bound), bias below bound / 2^64; bound > 0

    // out[i] = uniform(first + i) and normal(first + i), bit for bit.
    void fill_uniform(std::uint64_t first, std::span<double> out) const;
    void fill_normal(std::uint64_t first, std::span<double> out) const;

private:
    std::uint64_t seed_, name_;
};

}  // namespace deadscope

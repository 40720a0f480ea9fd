// What a kernel knows of its threads: indices, barriers, shuffles, votes and atomic operations, with CUDA's
// names and meaning for the subset that deadscope's kernels use. Anything else does not compile.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <source_location>

#include "tests/emulation/vectors.h"

inline constinit thread_local uint3 threadIdx{}, blockIdx{};
inline constinit thread_local dim3 blockDim{}, gridDim{};
inline constexpr int warpSize = 32;

namespace deadscope_emulation {

using Place = std::source_location;

void* dynamic_shared();  // of the running block: shared_bytes of its launch, aligned to 16
void block_barrier(const Place& place);
void warp_barrier(unsigned mask, const Place& place);
std::uint64_t shuffle(unsigned mask, std::uint64_t value, unsigned from, const Place& place);
unsigned vote(unsigned mask, bool predicate, const Place& place);
std::array<std::uint64_t, 32> gather(std::uint64_t value, const Place& place);  // of all lanes of the warp
unsigned lane();
void require_generation(int major, const Place& place);  // of the device that the kernel runs on
void fence();
[[noreturn]] void trap(const Place& place);

template <typename T>
concept Shuffled = (std::integral<T> || std::floating_point<T>)&&(sizeof(T) == 4 || sizeof(T) == 8);

template <Shuffled T>
T shuffled(unsigned mask, T value, unsigned from, const Place& place) {
    if constexpr (sizeof(T) == 4) {
        return std::bit_cast<T>(
            static_cast<std::uint32_t>(shuffle(mask, std::bit_cast<std::uint32_t>(value), from, place)));
    } else {
        return std::bit_cast<T>(shuffle(mask, std::bit_cast<std::uint64_t>(value), from, place));
    }
}

// The lane that each kind of shuffle reads (PTX ISA, shfl.sync): segments of `width` lanes, and the own value
// where the target lies outside of the segment.
inline unsigned lane_by_index(int index, int width) {
    const unsigned w = static_cast<unsigned>(width);
    return (lane() & ~(w - 1)) | (static_cast<unsigned>(index) & (w - 1));
}
inline unsigned lane_up(unsigned delta, int width) {
    const unsigned within = lane() & (static_cast<unsigned>(width) - 1);
    return within >= delta ? lane() - delta : lane();
}
inline unsigned lane_down(unsigned delta, int width) {
    const unsigned within = lane() & (static_cast<unsigned>(width) - 1);
    return within + delta < static_cast<unsigned>(width) ? lane() + delta : lane();
}
inline unsigned lane_xor(int mask, int width) {
    const unsigned w = static_cast<unsigned>(width), target = lane() ^ static_cast<unsigned>(mask);
    return target <= (lane() | (w - 1)) ? target : lane();
}

}  // namespace deadscope_emulation

inline void __syncthreads(const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    deadscope_emulation::block_barrier(place);
}
inline void __syncwarp(unsigned mask = ~0u,
                       const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    deadscope_emulation::warp_barrier(mask, place);
}

template <deadscope_emulation::Shuffled T>
T __shfl_sync(unsigned mask, T value, int index, int width = warpSize,
              const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::shuffled(mask, value, deadscope_emulation::lane_by_index(index, width),
                                         place);
}
template <deadscope_emulation::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                 const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::shuffled(mask, value, deadscope_emulation::lane_up(delta, width), place);
}
template <deadscope_emulation::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                   const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::shuffled(mask, value, deadscope_emulation::lane_down(delta, width), place);
}
template <deadscope_emulation::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize,
                  const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::shuffled(mask, value, deadscope_emulation::lane_xor(lane_mask, width), place);
}

inline unsigned __ballot_sync(
    unsigned mask, int predicate,
    const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::vote(mask, predicate != 0, place);
}
inline int __any_sync(unsigned mask, int predicate,
                      const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::vote(mask, predicate != 0, place) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    return deadscope_emulation::vote(mask, predicate == 0, place) == 0;
}

inline void __threadfence() {
    deadscope_emulation::fence();
}
inline void __threadfence_block() {
    deadscope_emulation::fence();
}
[[noreturn]] inline void __trap(
    const deadscope_emulation::Place place = deadscope_emulation::Place::current()) {
    deadscope_emulation::trap(place);
}

namespace deadscope_emulation {

// CUDA's atomic operations are relaxed: they order nothing but themselves.
template <typename T, typename Change>
T atomically(T* at, Change change) {
    std::atomic_ref<T> cell(*at);
    T before = cell.load(std::memory_order_relaxed);
    while (!cell.compare_exchange_weak(before, change(before), std::memory_order_relaxed)) {
    }
    return before;
}

template <typename T>
concept Word = std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;
template <typename T>
concept Addable = Word<T> || std::same_as<T, float> || std::same_as<T, double>;

}  // namespace deadscope_emulation

template <deadscope_emulation::Addable T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
    if constexpr (std::floating_point<T>) {
        return deadscope_emulation::atomically(at, [=](T before) { return before + value; });
    } else {
        return std::atomic_ref<T>(*at).fetch_add(value, std::memory_order_relaxed);  // wraps
    }
}
template <deadscope_emulation::Word T>
T atomicMax(T* at, std::type_identity_t<T> value) {
    return deadscope_emulation::atomically(at, [=](T before) { return before > value ? before : value; });
}
template <deadscope_emulation::Word T>
T atomicMin(T* at, std::type_identity_t<T> value) {
    return deadscope_emulation::atomically(at, [=](T before) { return before < value ? before : value; });
}
template <deadscope_emulation::Word T>
T atomicOr(T* at, std::type_identity_t<T> value) {
    return std::atomic_ref<T>(*at).fetch_or(value, std::memory_order_relaxed);
}
template <deadscope_emulation::Word T>
T atomicExch(T* at, std::type_identity_t<T> value) {
    return std::atomic_ref<T>(*at).exchange(value, std::memory_order_relaxed);
}
template <deadscope_emulation::Word T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
    std::atomic_ref<T>(*at).compare_exchange_strong(expected, value, std::memory_order_relaxed);
    return expected;
}

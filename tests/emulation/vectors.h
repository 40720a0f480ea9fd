// CUDA's built-in vector types with their sizes and alignments (CUDA C++ programming guide, "Built-in Vector
// Types"), so that a kernel's wide load of a misplaced address is found by the undefined-behaviour sanitizer.
#pragma once

#include <cstddef>

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
        : x(width), y(height), z(depth) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3() const { return {x, y, z}; }
};

#define DEADSCOPE_EMULATION_VECTORS(element, name)                                 \
    struct alignas(2 * sizeof(element)) name##2 {                                  \
        element x, y;                                                              \
    };                                                                             \
    struct name##3 {                                                               \
        element x, y, z;                                                           \
    };                                                                             \
    struct alignas(4 * sizeof(element) < 16 ? 4 * sizeof(element) : 16) name##4 {  \
        element x, y, z, w;                                                        \
    };                                                                             \
    constexpr name##2 make_##name##2(element x, element y) {                       \
        return {x, y};                                                             \
    }                                                                              \
    constexpr name##3 make_##name##3(element x, element y, element z) {            \
        return {x, y, z};                                                          \
    }                                                                              \
    constexpr name##4 make_##name##4(element x, element y, element z, element w) { \
        return {x, y, z, w};                                                       \
    }

DEADSCOPE_EMULATION_VECTORS(float, float)
DEADSCOPE_EMULATION_VECTORS(int, int)
DEADSCOPE_EMULATION_VECTORS(short, short)
DEADSCOPE_EMULATION_VECTORS(unsigned short, ushort)
DEADSCOPE_EMULATION_VECTORS(signed char, char)
DEADSCOPE_EMULATION_VECTORS(unsigned char, uchar)
#undef DEADSCOPE_EMULATION_VECTORS

struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) double2 {
    double x, y;
};
struct alignas(16) ulonglong2 {
    unsigned long long x, y;
};
constexpr uint2 make_uint2(unsigned x, unsigned y) {
    return {x, y};
}
constexpr uint3 make_uint3(unsigned x, unsigned y, unsigned z) {
    return {x, y, z};
}
constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}
constexpr double2 make_double2(double x, double y) {
    return {x, y};
}
constexpr ulonglong2 make_ulonglong2(unsigned long long x, unsigned long long y) {
    return {x, y};
}

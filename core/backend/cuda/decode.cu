// Stored weights to elements on the device: the bits that core/checkpoint/quantised.cpp gives, one element a
// thread, rounded once to the element. What the fields of a block mean is said there.
#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

using Bytes = const std::uint8_t*;

// Rounded one by one: a fused product would differ from the reference.
__device__ __forceinline__ float product(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}
__device__ __forceinline__ float sum(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

// T at any address.
template <typename T>
__device__ __forceinline__ T at_any(Bytes from) {
    T value;
    memcpy(&value, from, sizeof(value));
    return value;
}
__device__ __forceinline__ float half_at(Bytes from) {
    return __half2float(at_any<__half>(from));
}
__device__ __forceinline__ float real(int value) {
    return static_cast<float>(value);
}
__device__ __forceinline__ int signed_byte(std::uint8_t byte) {
    return static_cast<std::int8_t>(byte);
}
// Number i of 32 that lie as the low nibbles of 16 bytes, then the high ones.
__device__ __forceinline__ int nibble(Bytes from, unsigned i) {
    return from[i % 16] >> (i / 16 * 4) & 15;
}

// Each kind: its block's elements and bytes, and element i of a block.

template <typename T>
struct Plain {
    static constexpr unsigned elements = 1, bytes = sizeof(T);
    __device__ static Arithmetic<T> value(Bytes block, unsigned) { return widen(at_any<T>(block)); }
};

// Where the rows' bytes allow it: at a multiple of its size.
template <typename T>
struct Aligned : Plain<T> {
    __device__ static Arithmetic<T> value(Bytes block, unsigned) {
        return widen(*reinterpret_cast<const T*>(block));
    }
};

struct Q4_0 {
    static constexpr unsigned elements = 32, bytes = 18;
    __device__ static float value(Bytes block, unsigned i) {
        return product(half_at(block), real(nibble(block + 2, i) - 8));
    }
};

struct Q4_1 {
    static constexpr unsigned elements = 32, bytes = 20;
    __device__ static float value(Bytes block, unsigned i) {
        return sum(product(half_at(block), real(nibble(block + 4, i))), half_at(block + 2));
    }
};

// The fifth bits of 32 numbers, number 0's lowest.
__device__ __forceinline__ int fifth_bit(Bytes from, unsigned i) {
    return (from[i / 8] >> (i % 8) & 1) << 4;
}

struct Q5_0 {
    static constexpr unsigned elements = 32, bytes = 22;
    __device__ static float value(Bytes block, unsigned i) {
        return product(half_at(block), real((nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16));
    }
};

struct Q5_1 {
    static constexpr unsigned elements = 32, bytes = 24;
    __device__ static float value(Bytes block, unsigned i) {
        const int q = nibble(block + 8, i) | fifth_bit(block + 4, i);
        return sum(product(half_at(block), real(q)), half_at(block + 2));
    }
};

struct Q8_0 {
    static constexpr unsigned elements = 32, bytes = 34;
    __device__ static float value(Bytes block, unsigned i) {
        return product(real(signed_byte(block[2 + i])), half_at(block));
    }
};

struct Q2_K {
    static constexpr unsigned elements = 256, bytes = 84;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 16, shift = g % 8 / 2 * 2;
        const float step = product(half_at(block + 80), real(block[g] & 15));
        const float least = product(half_at(block + 82), real(block[g] >> 4));
        const int q = block[16 + g / 8 * 32 + g % 2 * 16 + i % 16] >> shift & 3;
        return sum(product(step, real(q)), -least);
    }
};

struct Q3_K {
    static constexpr unsigned elements = 256, bytes = 110;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 16, j = i % 16;
        const Bytes mask = block, twos = block + 32, low = block + 96, high = block + 104;
        const int scale = (low[g % 8] >> (g / 8 * 4) & 15) | (high[g % 4] >> (g / 4 * 2) & 3) << 4;
        const int without = 4 - (mask[g % 2 * 16 + j] >> (g / 2) & 1) * 4;
        const int q = twos[g / 8 * 32 + g % 2 * 16 + j] >> (g % 8 / 2 * 2) & 3;
        return product(product(half_at(block + 108), real(scale - 32)), real(q - without));
    }
};

// Scale and least value of group g of 8 in Q4_K and Q5_K, six bits each in twelve bytes.
struct ScaleAndLeast {
    float step, bottom;
    __device__ ScaleAndLeast(Bytes block, unsigned g) {
        const Bytes scales = block + 4;
        const int scale = g < 4 ? scales[g] & 63 : (scales[4 + g] & 15) | (scales[g - 4] >> 2 & 48);
        const int least = g < 4 ? scales[4 + g] & 63 : scales[4 + g] >> 4 | (scales[g] >> 2 & 48);
        step = product(half_at(block), real(scale));
        bottom = product(half_at(block + 2), real(least));
    }
    __device__ float value(int q) const { return sum(product(step, real(q)), -bottom); }
};

struct Q4_K {
    static constexpr unsigned elements = 256, bytes = 144;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 32;
        return ScaleAndLeast(block, g).value(block[16 + g / 2 * 32 + i % 32] >> (g % 2 * 4) & 15);
    }
};

struct Q5_K {
    static constexpr unsigned elements = 256, bytes = 176;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 32;
        const int low = block[48 + g / 2 * 32 + i % 32] >> (g % 2 * 4) & 15;
        return ScaleAndLeast(block, g).value(low | (block[16 + i % 32] >> g & 1) << 4);
    }
};

struct Q6_K {
    static constexpr unsigned elements = 256, bytes = 210;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 16, row = g / 2, j = i % 16;
        const Bytes fours = block + row / 4 * 64 + row % 2 * 32 + g % 2 * 16;
        const Bytes twos = block + 128 + row / 4 * 32 + g % 2 * 16;
        const int q = (fours[j] >> (row % 4 / 2 * 4) & 15) | (twos[j] >> (row % 4 * 2) & 3) << 4;
        return product(product(half_at(block + 208), real(signed_byte(block[192 + g]))), real(q - 32));
    }
};

__device__ const std::int8_t uneven_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                  1,    13,   25,  38,  53,  69,  89,  113};

struct IQ4_NL {
    static constexpr unsigned elements = 32, bytes = 18;
    __device__ static float value(Bytes block, unsigned i) {
        return product(half_at(block), real(uneven_levels[nibble(block + 2, i)]));
    }
};

struct IQ4_XS {
    static constexpr unsigned elements = 256, bytes = 136;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 32;
        const int high = block[2] | block[3] << 8;
        const int scale = (block[4 + g / 2] >> (g % 2 * 4) & 15) | (high >> (2 * g) & 3) << 4;
        const int level = uneven_levels[nibble(block + 8 + g * 16, i % 32)];
        return product(product(half_at(block), real(scale - 32)), real(level));
    }
};

__device__ const std::int8_t doubled_e2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct MXFP4 {
    static constexpr unsigned elements = 32, bytes = 17;
    __device__ static float value(Bytes block, unsigned i) {
        const std::uint32_t e = block[0];  // 2^(e - 127), halved
        const float d = float_of_bits(e < 2 ? 0x00200000u << e : (e - 1) << 23);
        return product(d, real(doubled_e2m1[nibble(block + 1, i)]));
    }
};

struct NVFP4 {
    static constexpr unsigned elements = 64, bytes = 36;
    __device__ static float halved_ue4m3(std::uint32_t x) {
        if (x == 0 || x == 0x7F) return 0.0f;
        const std::uint32_t exponent = x >> 3 & 15, mantissa = x & 7;
        if (exponent == 0) return product(static_cast<float>(mantissa), 1.0f / 1024);
        const float power = float_of_bits((exponent - 8 + 127) << 23);
        return product(sum(1.0f, product(static_cast<float>(mantissa), 1.0f / 8)), power);
    }
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned g = i / 16, j = i % 16;
        const int q = block[4 + g * 8 + j % 8] >> (j / 8 * 4) & 15;
        return product(halved_ue4m3(block[g]), real(doubled_e2m1[q]));
    }
};

// Ternary, five to a byte, in three stretches: digit k of byte j is upper part of byte · 3^k mod 256.
struct TQ1_0 {
    static constexpr unsigned elements = 256, bytes = 54;
    __device__ static int digit(std::uint8_t byte, unsigned k) {
        unsigned shifted = byte;
        for (; k > 0; --k) shifted = shifted * 3 & 255;
        return static_cast<int>(shifted * 3 >> 8) - 1;
    }
    __device__ static float value(Bytes block, unsigned i) {
        const int q = i < 160   ? digit(block[i % 32], i / 32)
                      : i < 240 ? digit(block[32 + (i - 160) % 16], (i - 160) / 16)
                                : digit(block[48 + (i - 240) % 4], (i - 240) / 4);
        return product(half_at(block + 52), real(q));
    }
};

struct TQ2_0 {
    static constexpr unsigned elements = 256, bytes = 66;
    __device__ static float value(Bytes block, unsigned i) {
        const unsigned row = i / 32;
        const int q = block[row / 4 * 32 + i % 32] >> (row % 4 * 2) & 3;
        return product(half_at(block + 64), real(q - 1));
    }
};

// Stored rows to elements. A value counts as not finite where the element cannot hold it.
template <typename Kind, typename T>
struct Decode {
    Bytes stored;
    std::size_t row_bytes, first_row;
    Rows<T> to;
    int* not_finite;
    template <int>
    __device__ void run(std::size_t row, std::size_t col) const {
        const Bytes block = stored + row * row_bytes + col / Kind::elements * Kind::bytes;
        const auto value = Kind::value(block, static_cast<unsigned>(col % Kind::elements));
        const T element = Narrow<T>::of(value);
        *to.at(row, col) = element;
        if (!is_finite(widen(element))) {
            atomicMax(not_finite, static_cast<int>(first_row + row + 1));
        }
    }
};

template <typename T, typename F>
bool with_plain(bool aligned, F&& f) {
    if (aligned) return f(Aligned<T>{}), true;
    return f(Plain<T>{}), true;
}

// Calls f with the Kind of a dtype; false where there is none. aligned: blocks of 8 bytes or fewer stand at
// multiples of their size.
template <typename F>
bool with_kind(DType dtype, bool aligned, F&& f) {
    switch (dtype) {
        case DType::f64:
            return with_plain<double>(aligned, f);
        case DType::f32:
            return with_plain<float>(aligned, f);
        case DType::f16:
            return with_plain<__half>(aligned, f);
        case DType::bf16:
            return with_plain<__nv_bfloat16>(aligned, f);
        case DType::q4_0:
            return f(Q4_0{}), true;
        case DType::q4_1:
            return f(Q4_1{}), true;
        case DType::q5_0:
            return f(Q5_0{}), true;
        case DType::q5_1:
            return f(Q5_1{}), true;
        case DType::q8_0:
            return f(Q8_0{}), true;
        case DType::q2_k:
            return f(Q2_K{}), true;
        case DType::q3_k:
            return f(Q3_K{}), true;
        case DType::q4_k:
            return f(Q4_K{}), true;
        case DType::q5_k:
            return f(Q5_K{}), true;
        case DType::q6_k:
            return f(Q6_K{}), true;
        case DType::iq4_nl:
            return f(IQ4_NL{}), true;
        case DType::iq4_xs:
            return f(IQ4_XS{}), true;
        case DType::mxfp4:
            return f(MXFP4{}), true;
        case DType::nvfp4:
            return f(NVFP4{}), true;
        case DType::tq1_0:
            return f(TQ1_0{}), true;
        case DType::tq2_0:
            return f(TQ2_0{}), true;
        default:
            return false;
    }
}

}  // namespace

bool can_decode(DType dtype) {
    return with_kind(dtype, true, [](auto) {});
}

void decode(const Launch& at, DType dtype, const std::byte* stored, std::size_t row_bytes,
            std::size_t first_row, View to, int* not_finite) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(stored) % 8 == 0 && row_bytes % 8 == 0;
    with_kind(dtype, aligned, [&](auto kind) {
        with_type(at.element, [&](auto* type) {
            using T = std::remove_pointer_t<decltype(type)>;
            launch_each<1>(at.stream, to.rows, to.cols, "decoding weights",
                           Decode<decltype(kind), T>{reinterpret_cast<Bytes>(stored), row_bytes, first_row,
                                                     Rows<T>(to), not_finite});
        });
    });
}

}  // namespace deadscope::cuda

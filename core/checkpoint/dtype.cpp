// The table of storage types (safetensors specification, dtype) and the conversions.
#include "core/checkpoint/dtype.h"
#include "core/base/convert.h"
#include "core/base/function_clones.h"
#include "core/base/half.h"
#include "core/checkpoint/float8.h"
#include "core/checkpoint/quantised.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace deadscope {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian and read in place");

struct Row {
    DType dtype;
    std::string_view name;
    std::size_t bits;
};
constexpr std::array<Row, 23> rows{{
    {DType::f64, "F64", 64},
    {DType::f32, "F32", 32},
    {DType::f16, "F16", 16},
    {DType::bf16, "BF16", 16},
    {DType::i64, "I64", 64},
    {DType::i32, "I32", 32},
    {DType::i16, "I16", 16},
    {DType::i8, "I8", 8},
    {DType::u64, "U64", 64},
    {DType::u32, "U32", 32},
    {DType::u16, "U16", 16},
    {DType::u8, "U8", 8},
    {DType::boolean, "BOOL", 8},
    {DType::c64, "C64", 64},
    {DType::c128, "C128", 128},  // PyTorch's; not in the specification
    {DType::f8_e4m3, "F8_E4M3", 8},
    {DType::f8_e5m2, "F8_E5M2", 8},
    {DType::f8_e8m0, "F8_E8M0", 8},
    {DType::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    {DType::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
    {DType::f6_e2m3, "F6_E2M3", 6},
    {DType::f6_e3m2, "F6_E3M2", 6},
    {DType::f4, "F4", 4},
}};

const Row& row_of(DType dtype) {
    for (const Row& row : rows) {
        if (row.dtype == dtype) return row;
    }
    return rows.front();
}

// E2M1 (OCP Microscaling 1.0, 5.3.3), two in a byte, the first in the low half: torch.float4_e2m1fn_x2.
template <class To>
void convert_halves_of_bytes(const std::byte* from, std::size_t first, std::size_t count, To* to) {
    constexpr std::array<float, 16> values{0,     0.5f,  1,     1.5f,  2,     3,     4,     6,
                                           -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
    for (std::size_t i = 0; i < count; ++i) {
        const auto both = static_cast<unsigned>(from[(first + i) / 2]);
        to[i] = static_cast<To>(values[(first + i) % 2 == 0 ? both & 15u : both >> 4u]);
    }
}

template <class To>
DEADSCOPE_INLINE void convert(DType dtype, const std::byte* from, std::size_t count, To* to) {
    switch (dtype) {
        case DType::f64:
            return convert_all<double>(from, count, to);
        case DType::f32:
            return convert_all<float>(from, count, to);
        case DType::f16:
            return convert_all<Half>(from, count, to);
        case DType::bf16:
            return convert_all<Brain>(from, count, to);
        case DType::i64:
            return convert_all<std::int64_t>(from, count, to);
        case DType::i32:
            return convert_all<std::int32_t>(from, count, to);
        case DType::i16:
            return convert_all<std::int16_t>(from, count, to);
        case DType::i8:
            return convert_all<std::int8_t>(from, count, to);
        case DType::u64:
            return convert_all<std::uint64_t>(from, count, to);
        case DType::u32:
            return convert_all<std::uint32_t>(from, count, to);
        case DType::u16:
            return convert_all<std::uint16_t>(from, count, to);
        case DType::u8:
        case DType::boolean:
            return convert_all<std::uint8_t>(from, count, to);
        case DType::f8_e4m3:
            return convert_all<F8E4M3>(from, count, to);
        case DType::f8_e5m2:
            return convert_all<F8E5M2>(from, count, to);
        case DType::f8_e4m3fnuz:
            return convert_all<F8E4M3Fnuz>(from, count, to);
        case DType::f8_e5m2fnuz:
            return convert_all<F8E5M2Fnuz>(from, count, to);
        case DType::f8_e8m0:
            return convert_all<F8E8M0>(from, count, to);
        case DType::f4:
            return convert_halves_of_bytes(from, 0, count, to);
        default:
            return;  // not readable: the caller has refused it
    }
}

}  // namespace

std::string_view dtype_name(DType dtype) {
    return is_quantised(dtype) ? quantised_kind(dtype).name : row_of(dtype).name;
}
std::size_t dtype_bits(DType dtype) {
    return is_quantised(dtype) ? 0 : row_of(dtype).bits;
}
bool is_floating(DType dtype) {
    return dtype <= DType::bf16;
}
bool is_readable(DType dtype) {
    return is_quantised(dtype) ? quantised_kind(dtype).decoded
                               : dtype <= DType::f8_e5m2fnuz || dtype == DType::f4;
}
bool is_computable(DType dtype) {
    const bool few_bits = (dtype >= DType::f8_e4m3 && dtype <= DType::f8_e5m2fnuz) || dtype == DType::f4;
    return is_floating(dtype) || few_bits || (is_quantised(dtype) && is_readable(dtype));
}

std::optional<DType> dtype_from_name(std::string_view name) {
    for (const Row& row : rows) {
        if (row.name == name && row.dtype != DType::c128) return row.dtype;
    }
    return std::nullopt;
}

DEADSCOPE_CLONES void convert_elements(DType dtype, const std::byte* from, std::size_t count, float* to) {
    convert(dtype, from, count, to);
}
DEADSCOPE_CLONES void convert_elements(DType dtype, const std::byte* from, std::size_t count, double* to) {
    convert(dtype, from, count, to);
}
void convert_f4(const std::byte* from, std::size_t first, std::size_t count, float* to) {
    convert_halves_of_bytes(from, first, count, to);
}
void convert_f4(const std::byte* from, std::size_t first, std::size_t count, double* to) {
    convert_halves_of_bytes(from, first, count, to);
}

}  // namespace deadscope

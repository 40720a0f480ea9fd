// GGML's quantised kinds: numbers in blocks that share their scales. What a block's bytes mean; where blocks
// lie in a file is the format's concern (gguf.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

struct QuantisedKind {
    DType dtype;
    std::string_view name;   // ggml's own word: "Q4_1"
    std::uint32_t id;        // in GGUF's tensor table
    std::uint32_t elements;  // of a block
    std::uint32_t bytes;     // of a block
    bool decoded;            // dequantise() knows it
};
constexpr std::uint32_t largest_block = 256;  // elements

const QuantisedKind& quantised_kind(DType dtype);  // of a quantised one
// The type of a number in GGUF's tensor table, those of one element a block among them; what is not known is
// DType::ggml_other.
DType dtype_from_ggml(std::uint32_t id);

// `from`: `blocks` whole blocks of a kind that is decoded, of any alignment; to: [blocks · elements]. The
// same bits as the reference (the `gguf` package's dequantize, in binary32). Owns nothing, so that it may be
// left halfway (MappedFile::visit).
void dequantise(DType dtype, const std::byte* from, std::size_t blocks, float* to);

}  // namespace deadscope

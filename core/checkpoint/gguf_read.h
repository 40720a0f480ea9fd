// Elements of a tensor of a GGUF file as numbers: blocks decoded whole, rows in another order than they are
// stored in. Which order that is, gguf_names says.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Where a row of the family's own tensor stands in the file, where the converter moved rows about.
struct RowOrder {
    enum class Kind {
        stored,  // as in the file
        pairs,   // rotary halves of each head, stored as pairs: row (h, half, i) stands at (h, i, half)
        groups,  // fused q, k and v by key/value head, stored as all q, all k, all v (GPT-NeoX, BLOOM,
                 // Falcon)
    } kind = Kind::stored;
    std::uint64_t heads = 0, kv_heads = 0;  // kv_heads: groups only
    std::uint64_t head_rows = 0;            // rows of one head

    std::uint64_t place(std::uint64_t row) const;
};

// Errors: a kind that is not decoded, a range beyond the tensor, a file that shrank (file and tensor named).
void read_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
               std::span<float> out);
void read_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
               std::span<double> out);

// The bytes of whole rows, in the family's order.
void stored_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
                 std::span<std::byte> out);

}  // namespace deadscope

// See gguf_read.h. What runs inside MappedFile::visit owns nothing and throws nothing.
#include "core/checkpoint/gguf_read.h"

#include <algorithm>
#include <string>

#include "core/base/error.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/quantised.h"

namespace deadscope {
namespace {

// `base`: the byte at which element `origin` begins; origin is the first of a block.
struct Source {
    DType dtype;
    const std::byte* base;
    std::uint64_t origin;
};

template <class To>
void decode_blocks(const Source& from, std::uint64_t first, std::uint64_t count, To* to) {
    const QuantisedKind& kind = quantised_kind(from.dtype);
    float block[largest_block];
    std::uint64_t at = first - from.origin;  // relative to base
    while (count > 0) {
        const std::uint64_t index = at / kind.elements, inside = at % kind.elements;
        const std::byte* const bytes = from.base + index * kind.bytes;
        if constexpr (std::is_same_v<To, float>) {
            if (const std::uint64_t whole = count / kind.elements; inside == 0 && whole > 0) {
                dequantise(from.dtype, bytes, whole, to);
                to += whole * kind.elements;
                at += whole * kind.elements;
                count -= whole * kind.elements;
                continue;
            }
        }
        dequantise(from.dtype, bytes, 1, block);
        const std::uint64_t taken = std::min(count, kind.elements - inside);
        std::copy_n(block + inside, taken, to);
        to += taken;
        at += taken;
        count -= taken;
    }
}

template <class To>
void decode(const Source& from, std::uint64_t first, std::uint64_t count, To* to) {
    if (is_quantised(from.dtype)) return decode_blocks(from, first, count, to);
    const std::uint64_t size = dtype_bits(from.dtype) / 8;
    convert_elements(from.dtype, from.base + (first - from.origin) * size, count, to);
}

template <class To>
void decode_rows(const Source& from, const RowOrder& order, std::uint64_t row_size, ElementRange range,
                 To* to) {
    while (range.count > 0) {
        const std::uint64_t row = range.first / row_size, inside = range.first % row_size;
        const std::uint64_t taken = std::min(range.count, row_size - inside);
        decode(from, order.place(row) * row_size + inside, taken, to);
        to += taken;
        range.first += taken;
        range.count -= taken;
    }
}

void check(const MappedFile& file, const TensorInfo& tensor, ElementRange range, std::size_t wanted) {
    if (!is_readable(tensor.dtype)) {
        throw Error::input("A tensor's kind of quantisation is not decoded in this version",
                           {.file = file.path(),
                            .key = tensor.name,
                            .expected = "F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL or IQ4_XS",
                            .found = std::string(dtype_name(tensor.dtype)),
                            .hint = "Its norms can be read all the same: deadscope gamma."});
    }
    const bool inside = range.first <= tensor.elements && range.count <= tensor.elements - range.first;
    if (inside && range.count == wanted) return;
    throw Error::input("A range beyond the end of a tensor was asked for",
                       {.file = file.path(),
                        .key = tensor.name,
                        .expected = std::to_string(tensor.elements) + " elements",
                        .found = std::to_string(range.first) + " + " + std::to_string(range.count)});
}

// The bytes that hold the range, from the start of a block on.
struct Span {
    std::uint64_t origin, offset, bytes;  // element, place in the file
};
Span span_of(const TensorInfo& tensor, ElementRange range) {
    if (!is_quantised(tensor.dtype)) {
        const std::uint64_t size = dtype_bits(tensor.dtype) / 8;
        return {range.first, tensor.offset + range.first * size, range.count * size};
    }
    const QuantisedKind& kind = quantised_kind(tensor.dtype);
    const std::uint64_t begin = range.first / kind.elements,
                        end = (range.first + range.count + kind.elements - 1) / kind.elements;
    return {begin * kind.elements, tensor.offset + begin * kind.bytes, (end - begin) * kind.bytes};
}

template <class To>
void read_any(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
              std::span<To> out) {
    check(file, tensor, range, out.size());
    if (range.count == 0) return;
    To* const to = out.data();
    const DType dtype = tensor.dtype;
    if (order.kind == RowOrder::Kind::stored) {
        const Span span = span_of(tensor, range);
        file.visit(span.offset, span.bytes, tensor.name, [=](std::span<const std::byte> bytes) {
            decode(Source{dtype, bytes.data(), span.origin}, range.first, range.count, to);
        });
        return;
    }
    const std::uint64_t row_size = tensor.elements / static_cast<std::uint64_t>(tensor.shape.front());
    file.visit(tensor.offset, tensor.bytes, tensor.name, [=](std::span<const std::byte> bytes) {
        decode_rows(Source{dtype, bytes.data(), 0}, order, row_size, range, to);
    });
}

}  // namespace

std::uint64_t RowOrder::place(std::uint64_t row) const {
    switch (kind) {
        case Kind::stored:
            return row;
        case Kind::pairs: {
            const std::uint64_t half = head_rows / 2, head = row / head_rows, inside = row % head_rows;
            return head * head_rows + inside % half * 2 + inside / half;
        }
        case Kind::groups: {
            const std::uint64_t queries = heads / kv_heads, members = queries + 2;
            const std::uint64_t member = row / head_rows, group = member / members, part = member % members;
            const std::uint64_t head = part < queries    ? group * queries + part
                                       : part == queries ? heads + group
                                                         : heads + kv_heads + group;
            return head * head_rows + row % head_rows;
        }
    }
    return row;
}

void stored_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
                 std::span<std::byte> out) {
    check(file, tensor, range, static_cast<std::size_t>(range.count));
    const auto row_size = static_cast<std::uint64_t>(tensor.shape.back());
    const std::uint64_t rows = row_size == 0 ? 0 : range.count / row_size;
    if (rows == 0) return;
    const std::uint64_t row_bytes = span_of(tensor, {0, row_size}).bytes;
    if (rows * row_size != range.count || range.first % row_size != 0 || out.size() != rows * row_bytes)
        throw Error::input("Bytes of less than a row of a tensor were asked for",
                           {.file = file.path(), .key = tensor.name});
    // A row in the family's order may have several axes; what is moved is the outermost.
    const std::uint64_t moved = tensor.elements / static_cast<std::uint64_t>(tensor.shape.front()) / row_size;
    std::byte* to = out.data();
    for (std::uint64_t i = range.first / row_size; i < range.first / row_size + rows; ++i, to += row_bytes) {
        const std::uint64_t place = order.place(i / moved) * moved + i % moved;
        file.visit(tensor.offset + place * row_bytes, row_bytes, tensor.name,
                   [to](std::span<const std::byte> bytes) { std::ranges::copy(bytes, to); });
    }
}

void read_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
               std::span<float> out) {
    read_any(file, tensor, order, range, out);
}
void read_gguf(const MappedFile& file, const TensorInfo& tensor, const RowOrder& order, ElementRange range,
               std::span<double> out) {
    read_any(file, tensor, order, range, out);
}

}  // namespace deadscope

// The rules are those of ggml's own reader (gguf_init_from_file) and of the specification, docs/gguf.md.
#include "core/checkpoint/gguf_header.h"

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/gguf_cursor.h"
#include "core/checkpoint/quantised.h"

namespace deadscope {
namespace {

constexpr std::uint64_t key_limit = 65535;                        // bytes, by the specification
constexpr std::uint64_t name_limit = 1024;                        // bytes; ggml's own bound is 64
constexpr std::uint64_t smallest_value = 8 + 1 + 4 + 1;           // bytes: a key of one letter, a u8
constexpr std::uint64_t smallest_tensor = 8 + 1 + 4 + 0 + 4 + 8;  // bytes: a name of one letter, a scalar
constexpr std::uint64_t rank_limit = 4, alignment_limit = 1u << 20;

[[noreturn]] void bad(const MappedFile& file, std::string_view key, std::string_view what,
                      std::string expected, std::string found) {
    throw Error::input(what, {.file = file.path(),
                              .key = std::string(key),
                              .expected = std::move(expected),
                              .found = std::move(found)});
}

[[noreturn]] void not_gguf(const MappedFile& file, const std::string& start) {
    std::string found = "bytes of another format", hint;
    if (start.starts_with("vers")) {
        found = "perhaps a Git LFS pointer, not the weights themselves";
        hint = "Run 'git lfs pull' in its folder, or download the file itself.";
    } else if (start.empty()) {
        found = "an empty file";
        hint = "Download the file again.";
    } else if (start.starts_with("<")) {
        found = "an HTML or XML page, as a failed download leaves it";
        hint = "Download the file again.";
    }
    throw Error::input(
        "This is not a GGUF file",
        {.file = file.path(), .expected = "'GGUF' at its start", .found = found, .hint = hint});
}

void check_version(const MappedFile& file, std::uint32_t version) {
    if (version == 2 || version == 3) return;
    // A small number in the other byte order has its low half empty.
    if (version != 0 && (version & 0xFFFFu) == 0) {
        bad(file, "", "The GGUF file is in big-endian byte order, which is not read", "a little-endian file",
            "version " + std::to_string(__builtin_bswap32(version)) + ", big-endian");
    }
    throw Error::input("This version of the GGUF format is not read",
                       {.file = file.path(),
                        .expected = "version 2 or 3",
                        .found = "version " + std::to_string(version),
                        .hint = version == 1 ? "Convert it again with a present-day llama.cpp." : ""});
}

GgufType read_type(const MappedFile& file, GgufCursor& cursor, std::string_view key) {
    const auto number = cursor.number<std::uint32_t>(key);
    if (number > static_cast<std::uint32_t>(GgufType::f64))
        bad(file, key, "A value's type is not one of the format", "0 to 12", std::to_string(number));
    return static_cast<GgufType>(number);
}

// Past `count` elements of one type.
void skip_values(GgufCursor& cursor, GgufType type, std::uint64_t count, std::string_view key) {
    if (const std::uint64_t size = gguf_size(type); size > 0) {
        const auto bytes = checked_multiply(size, count);
        if (!bytes) cursor.cut_short(count, key);
        cursor.skip(*bytes, key);
        return;
    }
    if (count > cursor.left() / sizeof(std::uint64_t)) cursor.cut_short(count, key);
    for (std::uint64_t i = 0; i < count; ++i) cursor.skip(cursor.number<std::uint64_t>(key), key);
}

GgufValue read_value(const MappedFile& file, GgufCursor& cursor, std::string_view key) {
    GgufValue value;
    value.type = read_type(file, cursor, key);
    if (value.type == GgufType::text) {
        value.count = cursor.number<std::uint64_t>(key);
        value.offset = cursor.offset();
        cursor.skip(value.count, key);
        return value;
    }
    if (value.type == GgufType::array) {
        value.element = read_type(file, cursor, key);
        if (value.element == GgufType::array)
            bad(file, key, "An array holds arrays, which is not read", "an array of plain values", "arrays");
        value.count = cursor.number<std::uint64_t>(key);
    }
    value.offset = cursor.offset();
    skip_values(cursor, value.type == GgufType::array ? value.element : value.type, value.count, key);
    return value;
}

GgufMetadata read_metadata(const std::shared_ptr<const MappedFile>& file, GgufCursor& cursor,
                           std::uint64_t count) {
    if (count > cursor.left() / smallest_value) cursor.cut_short(count, "metadata");
    std::map<std::string, GgufValue, std::less<>> values;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::string key = cursor.text(key_limit, "metadata");
        if (key.empty()) bad(*file, key, "A key is empty", "a name", "nothing");
        const GgufValue value = read_value(*file, cursor, key);
        const auto [at, is_new] = values.emplace(std::move(key), value);
        if (!is_new) bad(*file, at->first, "A key stands twice", "one value", "two");
    }
    return {file, std::move(values)};
}

// Bytes of a tensor by its kind; nothing where the kind is not known or they do not fit.
std::optional<std::uint64_t> bytes_of(const TensorInfo& tensor) {
    if (!is_quantised(tensor.dtype)) return checked_multiply(tensor.elements, dtype_bits(tensor.dtype) / 8);
    const QuantisedKind& kind = quantised_kind(tensor.dtype);
    return checked_multiply(tensor.elements / kind.elements, kind.bytes);
}

TensorInfo read_entry(const MappedFile& file, GgufCursor& cursor, std::uint64_t alignment) {
    TensorInfo tensor;
    tensor.name = cursor.text(name_limit, "tensor table");
    if (tensor.name.empty()) bad(file, "", "A tensor has no name", "a name", "nothing");
    const std::string& name = tensor.name;
    const auto rank = cursor.number<std::uint32_t>(name);
    if (rank > rank_limit)
        bad(file, name, "A tensor has too many dimensions", "at most 4", std::to_string(rank));
    for (std::uint32_t i = 0; i < rank; ++i) {
        const auto extent = cursor.number<std::uint64_t>(name);
        if (extent > static_cast<std::uint64_t>(INT64_MAX))
            bad(file, name, "A tensor's shape is impossible", "extents that fit", std::to_string(extent));
        tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(extent));  // innermost first
    }
    tensor.dtype = dtype_from_ggml(cursor.number<std::uint32_t>(name));
    tensor.offset = cursor.number<std::uint64_t>(name);
    const auto elements = checked_elements(tensor.shape);
    if (elements) tensor.elements = *elements;
    const auto bytes = elements ? bytes_of(tensor) : std::nullopt;
    if (!bytes || *elements > static_cast<std::uint64_t>(INT64_MAX))
        bad(file, name, "A tensor's shape is impossible", "a product that fits", shape_text(tensor.shape));
    tensor.bytes = *bytes;
    if (is_quantised(tensor.dtype)) {
        const QuantisedKind& kind = quantised_kind(tensor.dtype);
        const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
        if (row % kind.elements != 0) {
            bad(file, name, "A tensor's rows are not whole blocks of its kind",
                "a multiple of " + std::to_string(kind.elements) + " for " + std::string(kind.name),
                std::to_string(row));
        }
    }
    if (tensor.offset % alignment != 0) {
        bad(file, name, "A tensor's data is not aligned", "a multiple of " + std::to_string(alignment),
            std::to_string(tensor.offset));
    }
    return tensor;
}

// Offsets become those of the file; each tensor must lie inside it and behind the one before it.
void check_places(const MappedFile& file, std::vector<TensorInfo>& tensors, std::uint64_t data_start) {
    for (TensorInfo& tensor : tensors) {
        const auto begin = checked_add(data_start, tensor.offset);
        const auto end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
        if (!end || *end > file.size()) {
            throw Error::input(
                "A tensor's data lies beyond the end of the file: the file is cut short or its header is "
                "wrong",
                {.file = file.path(),
                 .key = tensor.name,
                 .expected = end ? "a file of at least " + std::to_string(*end) + " bytes" : "a place in it",
                 .found = std::to_string(file.size()),
                 .hint = "Download the file again."});
        }
        tensor.offset = *begin;
    }
    std::ranges::sort(tensors, [](const TensorInfo& a, const TensorInfo& b) {
        return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
    });
    std::uint64_t end = data_start;
    for (const TensorInfo& tensor : tensors) {
        if (tensor.offset < end && tensor.bytes > 0) {
            bad(file, tensor.name, "Two tensors overlap",
                "to begin at byte " + std::to_string(end) + " or later", std::to_string(tensor.offset));
        }
        end = std::max(end, tensor.offset + tensor.bytes);
    }
}

std::uint64_t alignment_of(const GgufMetadata& metadata) {
    const auto value = metadata.integer("general.alignment");
    if (!value) return 32;
    if (*value < 1 || static_cast<std::uint64_t>(*value) > alignment_limit ||
        !std::has_single_bit(static_cast<std::uint64_t>(*value))) {
        metadata.wrong("general.alignment", "a power of two", std::to_string(*value));
    }
    return static_cast<std::uint64_t>(*value);
}

}  // namespace

std::uint64_t gguf_size(GgufType type) {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean:
            return 1;
        case GgufType::u16:
        case GgufType::i16:
            return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32:
            return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64:
            return 8;
        case GgufType::text:
        case GgufType::array:
            return 0;
    }
    return 0;
}

GgufHeader read_gguf_header(std::shared_ptr<const MappedFile> file) {
    const std::string start = file->text(0, std::min<std::uint64_t>(file->size(), 4));
    if (start != "GGUF") not_gguf(*file, start);
    GgufCursor cursor(*file, 4);
    check_version(*file, cursor.number<std::uint32_t>("version"));
    const auto tensor_count = cursor.number<std::uint64_t>("tensor count"),
               value_count = cursor.number<std::uint64_t>("metadata count");
    GgufHeader header;
    header.metadata = read_metadata(file, cursor, value_count);
    const std::uint64_t alignment = alignment_of(header.metadata);
    if (tensor_count > cursor.left() / smallest_tensor) cursor.cut_short(tensor_count, "tensor table");
    std::set<std::string, std::less<>> names;
    for (std::uint64_t i = 0; i < tensor_count; ++i) {
        header.tensors.push_back(read_entry(*file, cursor, alignment));
        const std::string& name = header.tensors.back().name;
        if (!names.insert(name).second) bad(*file, name, "A tensor stands twice in the table", "one", "two");
    }
    const std::uint64_t data_start = (cursor.offset() + alignment - 1) / alignment * alignment;
    check_places(*file, header.tensors, data_start);
    header.file = std::move(file);
    return header;
}

}  // namespace deadscope

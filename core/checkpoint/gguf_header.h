// The head of a GGUF file: metadata and tensor table, read once from front to back and checked. Arrays are
// skipped and read when they are asked for, since vocabularies are megabytes. What keys and names mean is
// gguf_table's and gguf_config's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Value types of the format's specification, by their numbers in the file.
enum class GgufType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
std::uint64_t gguf_size(GgufType type);  // bytes of one value; 0 for texts and arrays

struct GgufValue {
    GgufType type = GgufType::u8;
    GgufType element = GgufType::u8;  // of an array
    std::uint64_t count = 1;          // elements of an array, bytes of a text
    std::uint64_t offset = 0;         // of the first byte of the value in the file
};

// Thread rule: immutable; every member may be called from any thread.
class GgufMetadata {
public:
    GgufMetadata() = default;
    GgufMetadata(std::shared_ptr<const MappedFile> file, std::map<std::string, GgufValue, std::less<>> values)
        : file_(std::move(file)), values_(std::move(values)) {}

    bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
    // Nothing where the key is absent. Errors: a value of another type, or out of bounds (key named).
    std::optional<std::int64_t> integer(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;  // a binary32 as the decimal it was made from
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    // Arrays; one value alone is an array of one. Empty where the key is absent.
    std::vector<double> numbers(std::string_view key) const;
    std::vector<std::string> texts(std::string_view key) const;
    std::vector<std::byte> bytes(std::string_view key) const;
    const std::map<std::string, GgufValue, std::less<>>& values() const { return values_; }
    [[noreturn]] void wrong(std::string_view key, std::string_view expected, std::string_view found) const;

private:
    const GgufValue* find(std::string_view key) const;

    std::shared_ptr<const MappedFile> file_;
    std::map<std::string, GgufValue, std::less<>> values_;
};

struct GgufHeader {
    std::shared_ptr<const MappedFile> file;
    GgufMetadata metadata;
    std::vector<TensorInfo> tensors;  // in file order, under the file's own names; offsets from its start
};

// Errors: a file of another kind, of version 1 or of the other byte order, cut short, or whose table
// contradicts it (key or tensor named).
GgufHeader read_gguf_header(std::shared_ptr<const MappedFile> file);

}  // namespace deadscope

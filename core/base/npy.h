// NumPy arrays as people bring them: .npy versions 1 to 3, little-endian float16/32/64 and int32/64, C order.
// What the numbers mean, and their rank and range, are the caller's to check.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"

namespace deadscope {

enum class NpyType { f2, f4, f8, i4, i8 };
std::string npy_type_text(NpyType type);  // "float32", "int64"
std::uint64_t npy_type_size(NpyType type);

// What stands before the numbers. The same at the start of a file and of an entry of an .npz archive.
struct NpyHeader {
    NpyType type = NpyType::f4;
    std::vector<std::int64_t> shape;
    std::uint64_t elements = 0, size = 0;  // size: bytes of the header itself
};
inline constexpr std::uint64_t npy_fixed_size = 12;  // bytes that tell how long a header is
// start: the first npy_fixed_size bytes, or all where there are fewer. `place`: the file, for messages.
std::uint64_t npy_header_size(std::string_view start, const std::string& place);
// header: npy_header_size() bytes; total: of header and numbers together. Errors: not an .npy array, a dtype
// or order that is not read, a shape that `total` contradicts.
NpyHeader parse_npy_header(std::string_view header, std::uint64_t total, const std::string& place);
void convert_npy(NpyType type, const std::byte* from, std::size_t count, double* to);

// Thread rule: immutable; every member may be called from any thread.
class NpyArray {
public:
    // Errors: not an .npy file, a dtype or order that is not read, a shape that the file's length
    // contradicts.
    static NpyArray open(const std::string& path);

    const std::string& path() const { return file_->path(); }
    NpyType type() const { return header_.type; }
    bool is_integer() const { return type() == NpyType::i4 || type() == NpyType::i8; }
    std::string type_text() const { return npy_type_text(type()); }
    const std::vector<std::int64_t>& shape() const { return header_.shape; }
    std::uint64_t elements() const { return header_.elements; }

    // All elements, converted; row-major. integers() is for integer arrays only (Error::input otherwise).
    std::vector<double> doubles() const;
    std::vector<float> floats() const;
    std::vector<std::int64_t> integers() const;
    // Elements [first, first + out.size()), which lie inside the array.
    void read(std::uint64_t first, std::span<double> out) const;

private:
    NpyArray() = default;
    template <class To>
    std::vector<To> convert() const;

    std::shared_ptr<const MappedFile> file_;
    NpyHeader header_;
};

}  // namespace deadscope

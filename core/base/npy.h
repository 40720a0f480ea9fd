// NumPy arrays as people bring them: .npy versions 1 to 3, little-endian float32/64 and int32/64, C order.
// What the numbers mean, and their rank and range, are the caller's to check.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mapped_file.h"

namespace deadscope {

enum class NpyType { f4, f8, i4, i8 };

// Thread rule: immutable; every member may be called from any thread.
class NpyArray {
public:
    // Errors: not an .npy file, a dtype or order that is not read, a shape that the file's length
    // contradicts.
    static NpyArray open(const std::string& path);

    const std::string& path() const { return file_->path(); }
    NpyType type() const { return type_; }
    bool is_integer() const { return type_ == NpyType::i4 || type_ == NpyType::i8; }
    std::string type_text() const;  // "float32", "int64"
    const std::vector<std::int64_t>& shape() const { return shape_; }
    std::uint64_t elements() const { return elements_; }

    // All elements, converted; row-major. integers() is for integer arrays only (Error::input otherwise).
    std::vector<double> doubles() const;
    std::vector<float> floats() const;
    std::vector<std::int64_t> integers() const;

private:
    NpyArray() = default;
    template <class To>
    std::vector<To> convert() const;

    std::shared_ptr<const MappedFile> file_;
    NpyType type_ = NpyType::f4;
    std::vector<std::int64_t> shape_;
    std::uint64_t elements_ = 0, offset_ = 0;
};

}  // namespace deadscope

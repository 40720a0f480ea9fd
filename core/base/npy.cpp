// The .npy format: a magic, a version, and a header that is a Python dictionary literal
// (numpy.lib.format). The literal has three keys and is read as such, not as Python.
#include "core/base/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "core/base/checked.h"
#include "core/base/convert.h"
#include "core/base/error.h"
#include "core/base/half.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::uint64_t header_limit = 1u << 20;

[[noreturn]] void refuse(const std::string& file, std::string_view what, std::string expected = {},
                         const std::string& found = {}, std::string hint = {}) {
    throw Error::input(what, {.file = file,
                              .expected = std::move(expected),
                              .found = printable(found, 100),
                              .hint = std::move(hint)});
}

// The value behind 'key': in the header, trimmed in front.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& file) {
    for (const char quote : {'\'', '"'}) {
        const std::size_t at = header.find(quote + std::string(key) + quote);
        if (at == std::string_view::npos) continue;
        std::size_t value = header.find(':', at + key.size() + 2);
        if (value == std::string_view::npos) break;
        value = header.find_first_not_of(' ', value + 1);
        if (value == std::string_view::npos) break;
        return header.substr(value);
    }
    refuse(file, "The header of the .npy file is malformed", "a key '" + std::string(key) + "'",
           std::string(header));
}

std::vector<std::int64_t> parse_shape(std::string_view value, const std::string& file) {
    std::vector<std::int64_t> shape;
    const std::size_t end = value.find(')');
    if (!value.starts_with('(') || end == std::string_view::npos || end > 400) {
        refuse(file, "The shape in the .npy header is malformed", "a tuple",
               std::string(value.substr(0, 60)));
    }
    std::int64_t number = -1;  // -1: no digit since the last comma
    for (const char c : value.substr(1, end - 1)) {
        if (c >= '0' && c <= '9' && number < (std::int64_t{1} << 56)) {
            number = std::max<std::int64_t>(number, 0) * 10 + (c - '0');
        } else if (c == ',' && number >= 0) {
            shape.push_back(number);
            number = -1;
        } else if (c != ' ' && c != 'L') {
            refuse(file, "The shape in the .npy header is malformed", "whole numbers",
                   std::string(value.substr(0, end + 1)));
        }
    }
    if (number >= 0) shape.push_back(number);
    return shape;
}

NpyType parse_type(std::string_view value, const std::string& file) {
    const std::string_view word = value.substr(1, value.find_first_of("'\"", 1) - 1);
    if (word == "<f2") return NpyType::f2;
    if (word == "<f4") return NpyType::f4;
    if (word == "<f8") return NpyType::f8;
    if (word == "<i4") return NpyType::i4;
    if (word == "<i8") return NpyType::i8;
    refuse(file, "The array's dtype is not read", "float16, float32, float64, int32 or int64, little-endian",
           std::string(word), "Convert it in NumPy: numpy.save(file, array.astype('float32')).");
}

template <class To>
void convert_type(NpyType type, const std::byte* from, std::size_t count, To* to) {
    switch (type) {
        case NpyType::f2:  // whole numbers are asked of arrays of them alone
            if constexpr (std::is_floating_point_v<To>) convert_all<Half>(from, count, to);
            return;
        case NpyType::f4:
            return convert_all<float>(from, count, to);
        case NpyType::f8:
            return convert_all<double>(from, count, to);
        case NpyType::i4:
            return convert_all<std::int32_t>(from, count, to);
        case NpyType::i8:
            return convert_all<std::int64_t>(from, count, to);
    }
}

}  // namespace

std::string npy_type_text(NpyType type) {
    switch (type) {
        case NpyType::f2:
            return "float16";
        case NpyType::f4:
            return "float32";
        case NpyType::f8:
            return "float64";
        case NpyType::i4:
            return "int32";
        case NpyType::i8:
            return "int64";
    }
    return "float32";
}

std::uint64_t npy_type_size(NpyType type) {
    if (type == NpyType::f2) return 2;
    return type == NpyType::f8 || type == NpyType::i8 ? 8 : 4;
}

std::uint64_t npy_header_size(std::string_view start, const std::string& place) {
    if (start.size() < 10 || !start.starts_with(magic))
        refuse(place, "This is not an .npy file", "NumPy's magic bytes", std::string(start.substr(0, 8)));
    const auto byte = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(start[i])}; };
    const std::uint64_t version = byte(6);
    if (version < 1 || version > 3)
        refuse(place, "The .npy version is not read", "1, 2 or 3", std::to_string(version));
    const std::uint64_t prefix = version == 1 ? 10 : 12;
    if (start.size() < prefix) refuse(place, "The .npy file is cut off in its header");
    const std::uint64_t length =
        byte(8) + (byte(9) << 8) + (version == 1 ? 0 : (byte(10) << 16) + (byte(11) << 24));
    if (length > header_limit) refuse(place, "The .npy file is cut off in its header");
    return prefix + length;
}

NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t total, const std::string& place) {
    const std::string_view header = bytes.substr(bytes[6] == 1 ? 10 : 12);
    NpyHeader out{.type = parse_type(value_of(header, "descr", place), place),
                  .shape = parse_shape(value_of(header, "shape", place), place),
                  .size = bytes.size()};
    if (!value_of(header, "fortran_order", place).starts_with("False")) {
        refuse(place, "The array is in Fortran order", "C order (row-major)", "Fortran order",
               "Save it with numpy.save(file, numpy.ascontiguousarray(array)).");
    }
    const auto elements = checked_elements(out.shape);
    const auto needed = elements ? checked_multiply(*elements, npy_type_size(out.type)) : std::nullopt;
    if (!needed || *needed != total - out.size) {
        refuse(place, "The .npy file's length does not fit its shape",
               needed ? std::to_string(*needed) + " bytes of data" : "a shape that fits into memory",
               std::to_string(total - out.size));
    }
    out.elements = *elements;
    return out;
}

void convert_npy(NpyType type, const std::byte* from, std::size_t count, double* to) {
    convert_type(type, from, count, to);
}

NpyArray NpyArray::open(const std::string& path) {
    NpyArray array;
    array.file_ = MappedFile::open(path);
    const MappedFile& file = *array.file_;
    const std::uint64_t size =
        npy_header_size(file.text(0, std::min<std::uint64_t>(file.size(), npy_fixed_size)), path);
    if (size > file.size()) refuse(path, "The .npy file is cut off in its header");
    array.header_ = parse_npy_header(file.text(0, size), file.size(), path);
    return array;
}

template <class To>
std::vector<To> NpyArray::convert() const {
    std::vector<To> out(elements());
    To* const to = out.data();
    const NpyType type = header_.type;
    const std::size_t count = out.size();
    file_->visit(header_.size, elements() * npy_type_size(type), {},
                 [=](std::span<const std::byte> bytes) { convert_type(type, bytes.data(), count, to); });
    return out;
}

void NpyArray::read(std::uint64_t first, std::span<double> out) const {
    const std::uint64_t size = npy_type_size(type());
    double* const to = out.data();
    file_->visit(header_.size + first * size, out.size() * size, {},
                 [=, type = type(), count = out.size()](std::span<const std::byte> bytes) {
                     convert_type(type, bytes.data(), count, to);
                 });
}

std::vector<double> NpyArray::doubles() const {
    return convert<double>();
}
std::vector<float> NpyArray::floats() const {
    return convert<float>();
}

std::vector<std::int64_t> NpyArray::integers() const {
    if (!is_integer())
        refuse(path(), "The array holds the wrong kind of numbers", "int32 or int64", type_text());
    return convert<std::int64_t>();
}

}  // namespace deadscope

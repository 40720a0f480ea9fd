// Typed access to the metadata of a GGUF file, each value read where it lies.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/checkpoint/gguf_cursor.h"
#include "core/checkpoint/gguf_header.h"

namespace deadscope {
namespace {

constexpr std::uint64_t text_limit = 64u << 20, list_limit = 1u << 24;  // bytes of a text, elements of a list

bool is_number(GgufType type) {
    return type != GgufType::text && type != GgufType::array && type != GgufType::boolean;
}

// The double nearest to the shortest decimal that names this binary32: a converter wrote 1e-5 out of a
// configuration, and 1e-5 is meant.
double as_written(float value) {
    if (!std::isfinite(value)) return value;
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
    double out = value;
    if (error == std::errc()) (void)std::from_chars(digits, end, out);
    return out;
}

// A number or truth value of the type at `from`, which holds its bytes.
double decode(GgufType type, const char* from) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, from, gguf_size(type));
    switch (type) {
        case GgufType::i8:
            return static_cast<double>(static_cast<std::int8_t>(bits));
        case GgufType::i16:
            return static_cast<double>(static_cast<std::int16_t>(bits));
        case GgufType::i32:
            return static_cast<double>(static_cast<std::int32_t>(bits));
        case GgufType::i64:
            return static_cast<double>(static_cast<std::int64_t>(bits));
        case GgufType::f32:
            return as_written(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
        case GgufType::f64:
            return std::bit_cast<double>(bits);
        default:
            return static_cast<double>(bits);
    }
}

}  // namespace

const GgufValue* GgufMetadata::find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

void GgufMetadata::wrong(std::string_view key, std::string_view expected, std::string_view found) const {
    throw Error::input("A value of the GGUF file's metadata is not what it should be",
                       {.file = file_->path(),
                        .key = std::string(key),
                        .expected = std::string(expected),
                        .found = std::string(found)});
}

std::optional<double> GgufMetadata::number(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!is_number(value->type)) wrong(key, "a number", "another type");
    const double out = decode(value->type, file_->text(value->offset, gguf_size(value->type), key).data());
    if (!std::isfinite(out)) wrong(key, "a finite number", std::to_string(out));
    return out;
}

std::optional<std::int64_t> GgufMetadata::integer(std::string_view key) const {
    const auto value = number(key);
    if (!value) return std::nullopt;
    constexpr double exact = 0x1p53;
    if (*value != std::floor(*value) || std::abs(*value) > exact)
        wrong(key, "a whole number", std::to_string(*value));
    return static_cast<std::int64_t>(*value);
}

std::optional<bool> GgufMetadata::boolean(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->type != GgufType::boolean) wrong(key, "true or false", "another type");
    const std::string byte = file_->text(value->offset, 1, key);
    if (byte[0] != 0 && byte[0] != 1) wrong(key, "true or false", std::to_string(byte[0]));
    return byte[0] == 1;
}

std::optional<std::string> GgufMetadata::text(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->type != GgufType::text) wrong(key, "a text", "another type");
    if (value->count > text_limit) wrong(key, "a shorter text", std::to_string(value->count) + " bytes");
    return file_->text(value->offset, value->count, key);
}

std::vector<double> GgufMetadata::numbers(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    const bool list = value->type == GgufType::array;
    const GgufType type = list ? value->element : value->type;
    if (type == GgufType::text || type == GgufType::array) wrong(key, "numbers", "another type");
    if (value->count > list_limit) wrong(key, "fewer numbers", std::to_string(value->count));
    const std::uint64_t size = gguf_size(type);
    const std::string raw = file_->text(value->offset, value->count * size, key);
    std::vector<double> out;
    out.reserve(value->count);
    for (std::uint64_t i = 0; i < value->count; ++i) out.push_back(decode(type, raw.data() + i * size));
    return out;
}

std::vector<std::string> GgufMetadata::texts(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    if (value->type == GgufType::text) return {*text(key)};
    if (value->type != GgufType::array || value->element != GgufType::text)
        wrong(key, "texts", "another type");
    if (value->count > list_limit) wrong(key, "fewer texts", std::to_string(value->count));
    GgufCursor cursor(*file_, value->offset);
    std::vector<std::string> out;
    out.reserve(value->count);
    for (std::uint64_t i = 0; i < value->count; ++i) out.push_back(cursor.text(text_limit, key));
    return out;
}

std::vector<std::byte> GgufMetadata::bytes(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr) return {};
    const bool fits =
        value->type == GgufType::array && (value->element == GgufType::u8 || value->element == GgufType::i8);
    if (!fits) wrong(key, "bytes", "another type");
    if (value->count > text_limit) wrong(key, "fewer bytes", std::to_string(value->count));
    const std::string text = file_->text(value->offset, value->count, key);
    const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
}

}  // namespace deadscope

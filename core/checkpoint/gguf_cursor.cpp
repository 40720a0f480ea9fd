// See gguf_cursor.h.
#include "core/checkpoint/gguf_cursor.h"

#include <algorithm>

#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::uint64_t window_size = 256u << 10;  // bytes

}  // namespace

void GgufCursor::cut_short(std::uint64_t needed, std::string_view key) const {
    throw Error::input("The GGUF file is cut short, as a download that did not finish leaves it",
                       {.file = file_->path(),
                        .key = std::string(key),
                        .offset = offset_,
                        .expected = std::to_string(needed) + " bytes here",
                        .found = std::to_string(left()),
                        .hint = "Download the file again."});
}

const char* GgufCursor::take(std::uint64_t count, std::string_view key) {
    if (count > left()) cut_short(count, key);
    const bool inside =
        offset_ >= window_start_ && offset_ + count <= window_start_ + window_.size() && !window_.empty();
    if (!inside) {
        window_start_ = offset_;
        window_ = file_->text(offset_, std::min(left(), std::max(count, window_size)), key);
    }
    const char* const at = window_.data() + (offset_ - window_start_);
    offset_ += count;
    return at;
}

std::string GgufCursor::text(std::uint64_t limit, std::string_view key) {
    const auto length = number<std::uint64_t>(key);
    if (length > left()) cut_short(length, key);
    if (length > limit) {
        throw Error::input("A text of the GGUF file is longer than such a text can be",
                           {.file = file_->path(),
                            .key = std::string(key),
                            .offset = offset_ - sizeof(length),
                            .expected = "at most " + std::to_string(limit) + " bytes",
                            .found = std::to_string(length)});
    }
    return std::string(take(length, key), length);
}

void GgufCursor::skip(std::uint64_t count, std::string_view key) {
    if (count > left()) cut_short(count, key);
    offset_ += count;
}

}  // namespace deadscope

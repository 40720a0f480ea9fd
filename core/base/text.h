// Small text helpers for words that come out of files or go to people.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// Length in bytes of the UTF-8 sequence that `text` starts with; 0 where it starts with none (RFC 3629:
// no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text);

// Valid UTF-8: bytes that are not become U+FFFD.
std::string to_utf8(std::string_view text);

// One line of valid UTF-8 for a message: control characters (C0, DEL, C1, and the line and direction marks
// that could disguise text) are escaped, and what is longer than `limit` bytes is cut with an ellipsis.
std::string printable(std::string_view text, std::size_t limit = 240);

std::string join(std::span<const std::string> words, std::string_view separator);

}  // namespace deadscope

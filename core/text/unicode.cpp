// utf8proc behind names of our own. See unicode.h.
#include "core/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/text/older_unicode.h"

namespace deadscope {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned byte_at(std::string_view text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
}

// Length of the longest start of `text` that could begin a well-formed sequence (Unicode 3.9, table 3-7):
// what one U+FFFD stands for.
std::size_t maximal_part(std::string_view text) {
    const unsigned first = byte_at(text, 0);
    if (first < 0xC2 || first > 0xF4) return 1;
    const std::size_t wanted = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    std::size_t length = 1;
    while (length < wanted && length < text.size()) {
        const unsigned byte = byte_at(text, length);
        unsigned low = 0x80, high = 0xBF;
        if (length == 1) {
            if (first == 0xE0) low = 0xA0;
            if (first == 0xED) high = 0x9F;
            if (first == 0xF0) low = 0x90;
            if (first == 0xF4) high = 0x8F;
        }
        if (byte < low || byte > high) break;
        ++length;
    }
    return length;
}

utf8proc_category_t category(char32_t code) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

template <std::size_t n>
bool is_in(const std::array<older_unicode::Range, n>& ranges, char32_t code) {
    const auto range =
        std::ranges::upper_bound(ranges, code, {}, [](const older_unicode::Range& r) { return r.first; });
    return range != ranges.begin() && code <= std::prev(range)->last;
}

bool is_letter(utf8proc_category_t c) {
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

// Other_Alphabetic beyond the marks: circled and squared letters, which are symbols.
bool is_alphabetic_symbol(char32_t code) {
    return (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
           (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
}

using Codes = std::vector<utf8proc_int32_t>;

void decompose(utf8proc_int32_t code, utf8proc_option_t options, Codes& out) {
    if (is_in(older_unicode::not_decomposed, static_cast<char32_t>(code))) return out.push_back(code);
    constexpr utf8proc_ssize_t longest = 32;  // U+FDFA, the longest, becomes 18 characters
    std::array<utf8proc_int32_t, longest> parts{};
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(code, parts.data(), longest, options, &boundary);
    if (count < 0 || count > longest) throw Error::resource("a character could not be decomposed");
    out.insert(out.end(), parts.begin(), parts.begin() + count);
}

// The canonical order (UAX 15): runs of marks by combining class, otherwise as they stood. Sorted here rather
// than by utf8proc, whose exchange sort is quadratic in a long run.
void order_marks(Codes& codes) {
    const auto combining = [](utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; };
    for (auto first = codes.begin(); first != codes.end();) {
        if (combining(*first) == 0) {
            ++first;
            continue;
        }
        const auto last = std::find_if(first, codes.end(), [&](auto code) { return combining(code) == 0; });
        std::stable_sort(first, last, [&](auto a, auto b) { return combining(a) < combining(b); });
        first = last;
    }
}

std::string encode(const Codes& codes) {
    std::string out;
    for (const utf8proc_int32_t code : codes) append_character(out, static_cast<char32_t>(code));
    return out;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string decode_replacing(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        std::size_t length = utf8_length(bytes);
        if (length > 0) {
            out += bytes.substr(0, length);
        } else {
            length = maximal_part(bytes);
            out += replacement;
        }
        bytes.remove_prefix(length);
    }
    return out;
}

Character character_at(std::string_view text, std::size_t position) {
    const unsigned first = byte_at(text, position);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    char32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code = (code << 6) | (byte_at(text, position + i) & 0x3F);
    return {code, length};
}

void append_character(std::string& out, char32_t code) {
    const auto byte = [&](char32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
        byte(0xC0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            byte(0xE0 | (code >> 12));
        } else {
            byte(0xF0 | (code >> 18));
            byte(0x80 | ((code >> 12) & 0x3F));
        }
        byte(0x80 | ((code >> 6) & 0x3F));
    }
    byte(0x80 | (code & 0x3F));
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_white_space(char32_t code) {
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

bool is_mark(char32_t code) {
    const auto c = category(code);
    if (code == 0x1CF2 || code == 0x1CF3) return true;  // letters since Unicode 12
    return c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME && !is_in(older_unicode::not_mark, code);
}

bool is_nonspacing_mark(char32_t code) {
    return code == 0x1734 ||  // a spacing mark since Unicode 14
           (category(code) == UTF8PROC_CATEGORY_MN && !is_in(older_unicode::not_nonspacing, code));
}

bool is_number(char32_t code) {
    const auto c = category(code);
    return c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t code) {
    if (code < 0x80)
        return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
               (code >= 123 && code <= 126);
    const auto c = category(code);
    if (code == 0x166D || code == 0x111C9) return true;  // a symbol and a mark by now
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO &&
           !is_in(older_unicode::not_punctuation, code);
}

bool is_other(char32_t code) {
    const auto c = category(code);
    return (c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_CO) &&
           !is_in(older_unicode::not_other, code);
}

bool is_word(char32_t code) {
    const auto c = category(code);
    const bool mark = c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
    return is_letter(c) || mark || c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL ||
           c == UTF8PROC_CATEGORY_PC || code == 0x200C || code == 0x200D || is_alphabetic_symbol(code);
}

bool is_chinese(char32_t code) {
    return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
           (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
           (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

std::string normal_form(std::string_view text, NormalForm form) {
    if (is_ascii(text)) return std::string(text);
    const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
    const bool composed = form == NormalForm::nfc || form == NormalForm::nfkc;
    const auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
    Codes codes;
    codes.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        decompose(static_cast<utf8proc_int32_t>(c.code), options, codes);
        i += c.length;
    }
    order_marks(codes);
    if (composed) {
        const auto compose = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        const utf8proc_ssize_t length =
            utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), compose);
        if (length < 0) throw Error::resource("a text could not be composed");
        codes.resize(static_cast<std::size_t>(length));
    }
    return encode(codes);
}

std::string lower_case(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        if (c.code == 0x130) {
            out +=
                "i\xCC\x87";  // SpecialCasing.txt: the only lower case of two characters without a condition
        } else {
            append_character(out,
                             static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code))));
        }
        i += c.length;
    }
    return out;
}

std::string keep_characters(std::string_view text, const std::function<bool(char32_t)>& keep) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        if (keep(c.code)) out += text.substr(i, c.length);
        i += c.length;
    }
    return out;
}

std::string map_characters(std::string_view text, const std::function<char32_t(char32_t)>& map) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Character c = character_at(text, i);
        append_character(out, map(c.code));
        i += c.length;
    }
    return out;
}

std::size_t grapheme_length(std::string_view text, std::size_t position) {
    utf8proc_int32_t state = 0;
    Character before = character_at(text, position);
    std::size_t end = position + before.length;
    while (end < text.size()) {
        const Character next = character_at(text, end);
        if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before.code),
                                             static_cast<utf8proc_int32_t>(next.code), &state))
            break;
        end += next.length;
        before = next;
    }
    return end - position;
}

}  // namespace deadscope

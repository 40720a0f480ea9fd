// Unicode as the tokenizers need it: decoding, properties of characters, normal forms. The data are
// utf8proc's. Splitting by patterns is regex.h's.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace deadscope {

// Valid UTF-8 with U+FFFD for each maximal part that is not, as Python's bytes.decode(errors="replace") puts
// it.
std::string decode_replacing(std::string_view bytes);

// One character of valid UTF-8.
struct Character {
    char32_t code = 0;
    std::size_t length = 0;  // bytes
};
Character character_at(std::string_view text, std::size_t position);
void append_character(std::string& out, char32_t code);
std::size_t count_characters(std::string_view text);

bool is_white_space(char32_t code);      // the property White_Space
bool is_mark(char32_t code);             // Mn, Mc, Me
bool is_nonspacing_mark(char32_t code);  // Mn
bool is_number(char32_t code);           // Nd, Nl, No
bool is_punctuation(char32_t code);      // P, and ASCII's symbols
bool is_other(char32_t code);            // Cc, Cf, Co
bool is_word(char32_t code);             // UTS 18: Alphabetic, M, Nd, Pc, Join_Control
bool is_chinese(char32_t code);          // the blocks that BERT's tokenizer sets apart

enum class NormalForm { nfc, nfd, nfkc, nfkd };
std::string normal_form(std::string_view text, NormalForm form);
std::string lower_case(std::string_view text);  // each character by itself: a final sigma is like any other

std::string keep_characters(std::string_view text, const std::function<bool(char32_t)>& keep);
std::string map_characters(std::string_view text, const std::function<char32_t(char32_t)>& map);

// Length in bytes of the extended grapheme cluster (UAX 29) that starts at `position`.
std::size_t grapheme_length(std::string_view text, std::size_t position);

}  // namespace deadscope

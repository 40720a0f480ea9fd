// The names of sets of characters in Oniguruma's patterns, as PCRE2 writes them between brackets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace deadscope {

struct Property {
    std::string body;          // "\p{L}", fit for [ ]
    bool negated = false;      // all other characters
    std::string complement{};  // those, where they can be written down
};

// \s, \S, \d, \D, \w, \W, \h, \H; nothing for other letters.
std::optional<Property> letter_property(char letter);
// What stands in \p{...} or [:...:]: general categories, POSIX's names, scripts, binary properties; ^
// negates.
std::optional<Property> named_property(std::string_view name);
std::optional<Property> bracket_property(std::string_view name);  // [:...:]

}  // namespace deadscope

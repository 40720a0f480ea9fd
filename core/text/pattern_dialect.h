// Oniguruma's Ruby dialect of regular expressions → PCRE2's. The two agree on most of what is written; this
// is about the rest: \h, \s, \w, \v, options, sets within sets, intervals, names of properties.
#pragma once

#include <string>
#include <string_view>

namespace deadscope {

struct DialectError {
    std::string what;
};

// For PCRE2 with UTF, UCP and MULTILINE and a newline of LF alone. Throws DialectError for what neither
// dialect has, or what is not translated.
std::string from_oniguruma(std::string_view pattern);

}  // namespace deadscope

// Regular expressions in Oniguruma's Ruby dialect, which tokenizer.json files are written in, run by PCRE2.
// The translation is pattern_dialect.h's; what is done with the matches is splitting.h's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/text/splitting.h"

namespace deadscope {

// Where a pattern stands, for messages.
struct PatternSource {
    std::string file, key;
};

// Thread rule: immutable; cuts() may be called from any thread.
class Regex {
public:
    enum class Kind { oniguruma, literal };
    // Errors: a pattern that is malformed or holds what is not known.
    Regex(std::string_view pattern, Kind kind, PatternSource source);
    ~Regex();
    Regex(Regex&&) noexcept;

    // All of `text` in order, matches and what lies between them. `text` is valid UTF-8. Errors: a pattern
    // that takes too many steps on this text.
    Cuts cuts(std::string_view text) const;

private:
    struct Compiled;
    std::unique_ptr<Compiled> compiled_;
};

}  // namespace deadscope

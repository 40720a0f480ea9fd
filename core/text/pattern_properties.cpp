// See pattern_properties.h. Names are compared as Unicode says: without case, spaces, hyphens and
// underscores.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/pattern_properties.h"

#include <pcre2.h>

#include <array>
#include <cctype>
#include <utility>

namespace deadscope {
namespace {

// The property White_Space; PCRE2's own \s has U+180E as well.
constexpr std::string_view space =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view not_space =
    R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027})"
    R"(\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr std::string_view hex = "0-9A-Fa-f",
                           not_hex = R"(\x{0}-\x{2F}\x{3A}-\x{40}\x{47}-\x{60}\x{67}-\x{10FFFF})";
// Oniguruma's word: UTS 18's, and outside brackets the numbers of Latin-1.
constexpr std::string_view word =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})";
// The ideographs of Unicode 15, which PCRE2 10.42 does not know yet, stand beside its letters.

struct Name {
    std::string_view name, body;
};
constexpr std::array names{
    Name{"any", R"(\x{0}-\x{10FFFF})"},
    Name{"alnum", R"(\p{Alphabetic}\p{Nd})"},
    Name{"alpha", R"(\p{Alphabetic})"},
    Name{"ascii", R"(\x{0}-\x{7F})"},
    Name{"blank", R"(\x{9}\p{Zs})"},
    Name{"cntrl", R"(\p{Cc})"},
    Name{"digit", R"(\p{Nd})"},
    Name{"lower", R"(\p{Lowercase})"},
    Name{"graph", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co})"},
    Name{"print", R"(\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs})"},
    Name{"punct", R"(\p{P})"},
    Name{"space", space},
    Name{"upper", R"(\p{Uppercase})"},
    Name{"xdigit", hex},
    Name{"word", word},
    Name{"l", R"(\p{L}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    Name{"letter", R"(\p{L}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    Name{"lo", R"(\p{Lo}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    Name{"casedletter", R"(\p{Lu}\p{Ll}\p{Lt})"},
    Name{"lc", R"(\p{Lu}\p{Ll}\p{Lt})"},
    Name{"uppercaseletter", R"(\p{Lu})"},
    Name{"lowercaseletter", R"(\p{Ll})"},
    Name{"titlecaseletter", R"(\p{Lt})"},
    Name{"modifierletter", R"(\p{Lm})"},
    Name{"otherletter", R"(\p{Lo}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    Name{"mark", R"(\p{M})"},
    Name{"combiningmark", R"(\p{M})"},
    Name{"nonspacingmark", R"(\p{Mn})"},
    Name{"spacingmark", R"(\p{Mc})"},
    Name{"enclosingmark", R"(\p{Me})"},
    Name{"number", R"(\p{N})"},
    Name{"decimalnumber", R"(\p{Nd})"},
    Name{"letternumber", R"(\p{Nl})"},
    Name{"othernumber", R"(\p{No})"},
    Name{"punctuation", R"(\p{P})"},
    Name{"connectorpunctuation", R"(\p{Pc})"},
    Name{"dashpunctuation", R"(\p{Pd})"},
    Name{"openpunctuation", R"(\p{Ps})"},
    Name{"closepunctuation", R"(\p{Pe})"},
    Name{"initialpunctuation", R"(\p{Pi})"},
    Name{"finalpunctuation", R"(\p{Pf})"},
    Name{"otherpunctuation", R"(\p{Po})"},
    Name{"symbol", R"(\p{S})"},
    Name{"mathsymbol", R"(\p{Sm})"},
    Name{"currencysymbol", R"(\p{Sc})"},
    Name{"modifiersymbol", R"(\p{Sk})"},
    Name{"othersymbol", R"(\p{So})"},
    Name{"separator", R"(\p{Z})"},
    Name{"spaceseparator", R"(\p{Zs})"},
    Name{"lineseparator", R"(\p{Zl})"},
    Name{"paragraphseparator", R"(\p{Zp})"},
    Name{"other", R"(\p{C})"},
    Name{"control", R"(\p{Cc})"},
    Name{"format", R"(\p{Cf})"},
    Name{"privateuse", R"(\p{Co})"},
    Name{"unassigned", R"(\p{Cn})"},
};

std::string plain(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (c != ' ' && c != '_' && c != '-')
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

bool compiles(const std::string& pattern) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                         PCRE2_UTF | PCRE2_UCP, &code, &offset, nullptr);
    pcre2_code_free(compiled);
    return compiled != nullptr;
}

}  // namespace

std::optional<Property> letter_property(char letter) {
    switch (letter) {
        case 's':
            return Property{
                .body = std::string(space), .negated = false, .complement = std::string(not_space)};
        case 'S':
            return Property{
                .body = std::string(space), .negated = true, .complement = std::string(not_space)};
        case 'h':
            return Property{.body = std::string(hex), .negated = false, .complement = std::string(not_hex)};
        case 'H':
            return Property{.body = std::string(hex), .negated = true, .complement = std::string(not_hex)};
        case 'd':
            return Property{.body = R"(\p{Nd})", .negated = false, .complement = R"(\P{Nd})"};
        case 'D':
            return Property{.body = R"(\p{Nd})", .negated = true, .complement = R"(\P{Nd})"};
        case 'w':
            return Property{.body = std::string(word)};
        case 'W':
            return Property{.body = std::string(word), .negated = true};
        default:
            return std::nullopt;
    }
}

std::optional<Property> bracket_property(std::string_view name) {
    auto property = named_property(name);
    const std::string wanted = plain(name.starts_with('^') ? name.substr(1) : name);
    // Two of POSIX's names mean something else in brackets.
    if (property && wanted == "punct") property->body = R"(\p{P}\p{S})";
    if (property && wanted == "word") property->body = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
    return property;
}

std::optional<Property> named_property(std::string_view name) {
    Property property;
    if (name.starts_with('^')) {
        property.negated = true;
        name.remove_prefix(1);
    }
    const std::string wanted = plain(name);
    if (wanted.empty() || wanted.size() > 40) return std::nullopt;
    for (const char c : wanted)
        if (!std::isalnum(static_cast<unsigned char>(c))) return std::nullopt;
    for (const Name& known : names) {
        if (known.name != wanted) continue;
        property.body = known.body;
        return property;
    }
    // Scripts first and by themselves: PCRE2 takes a bare name for the wider property Script_Extensions.
    for (const char* prefix : {"sc:", ""}) {
        if (!compiles("\\p{" + std::string(prefix) + wanted + "}")) continue;
        property.body = "\\p{" + std::string(prefix) + wanted + "}";
        property.complement = "\\P{" + std::string(prefix) + wanted + "}";
        return property;
    }
    return std::nullopt;
}

}  // namespace deadscope

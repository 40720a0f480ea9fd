// One pass over the pattern, group by group, each set a small expression of its own. See pattern_dialect.h.
#include "core/text/pattern_dialect.h"

#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/text/pattern_properties.h"

namespace deadscope {
namespace {

constexpr int deepest = 60;  // groups or sets within each other

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Thread rule: one thread.
class Translator {
public:
    explicit Translator(std::string_view pattern) : text_(pattern) {}

    std::string run() {
        std::string out = alternatives(0);
        if (at_ < text_.size()) fail("a ) stands without its (");
        return out;
    }

private:
    [[noreturn]] static void fail(std::string what) { throw DialectError{std::move(what)}; }
    bool more() const { return at_ < text_.size(); }
    bool ahead(std::string_view words) const { return text_.substr(at_).starts_with(words); }
    char take() {
        if (!more()) fail("it ends too early");
        return text_[at_++];
    }
    std::string take_character() {
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) fail("it is not valid UTF-8");
        at_ += length;
        return std::string(text_.substr(at_ - length, length));
    }

    // Up to the ) that closes the group, or the end. Options that a bare (?i) sets hold to here, over bars
    // too.
    std::string alternatives(int depth) {
        if (depth > deepest) fail("it is nested too deeply");
        std::string out, open;
        while (more() && text_[at_] != ')') {
            if (text_[at_] == '|') {
                out += take();
                continue;
            }
            if (ahead("(?#")) {
                skip_comment();
                continue;
            }
            if (const auto options = bare_options()) {
                out += "(?" + *options + ":";
                open += ')';
                continue;
            }
            out += repeated(atom(depth));
        }
        return out + open;
    }

    void skip_comment() {
        const std::size_t end = text_.find(')', at_);
        if (end == std::string_view::npos) fail("a comment is not closed");
        at_ = end + 1;
    }

    // The letters of "(?mi-x" with m, the dot that matches a newline, in PCRE2's word s; at_ behind them.
    std::optional<std::string> option_letters() {
        std::size_t i = at_ + 2;
        std::string letters;
        for (; i < text_.size() && (text_[i] == '-' || std::isalpha(static_cast<unsigned char>(text_[i])));
             ++i) {
            if (text_[i] != '-' && text_[i] != 'i' && text_[i] != 'm' && text_[i] != 'x') return std::nullopt;
            letters += text_[i] == 'm' ? 's' : text_[i];
        }
        if (i >= text_.size() || (text_[i] != ')' && text_[i] != ':')) return std::nullopt;
        at_ = i;
        return letters;
    }

    std::optional<std::string> bare_options() {
        if (!ahead("(?") || ahead("(?:")) return std::nullopt;
        const std::size_t before = at_;
        auto letters = option_letters();
        if (letters && text_[at_] == ')') {
            ++at_;
            return letters;
        }
        at_ = before;
        return std::nullopt;
    }

    std::string group(int depth) {
        std::string head = "(";
        if (ahead("(*")) fail("(* is not known");
        if (!ahead("(?")) {
            ++at_;
        } else if (const std::size_t before = at_; auto letters = option_letters()) {
            ++at_;  // the colon
            head = "(?" + *letters + ":";
            (void)before;
        } else {
            head = special_head();
        }
        const std::string body = alternatives(depth + 1);
        if (!more()) fail("a ( is not closed");
        ++at_;
        return head + body + ")";
    }

    std::string special_head() {
        for (const std::string_view head : {"(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
            if (!ahead(head)) continue;
            at_ += head.size();
            return std::string(head);
        }
        if (ahead("(?<") || ahead("(?'")) {
            const char closing = text_[at_ + 2] == '<' ? '>' : '\'';
            const std::size_t end = text_.find(closing, at_ + 3);
            if (end == std::string_view::npos) fail("a name is not closed");
            std::string head(text_.substr(at_, end + 1 - at_));
            at_ = end + 1;
            return head;
        }
        fail("the group " + printable(text_.substr(at_, 4)) + " is not known");
    }

    std::string atom(int depth) {
        switch (text_[at_]) {
            case '(':
                return group(depth);
            case '[':
                return set(0);
            case '\\':
                return escape();
            case '*':
            case '+':
            case '?':
                fail("there is nothing to repeat");
            case '#':
                ++at_;
                return "\\#";
            default:
                return take_character();
        }
    }

    // The interval {n}, {n,}, {,m} or {n,m} at at_, in PCRE2's words; nothing where the brace is a character.
    std::optional<std::string> interval() {
        std::size_t i = at_ + 1;
        std::string low, high;
        while (i < text_.size() && is_digit(text_[i])) low += text_[i++];
        const bool comma = i < text_.size() && text_[i] == ',';
        if (comma) ++i;
        while (comma && i < text_.size() && is_digit(text_[i])) high += text_[i++];
        if (i >= text_.size() || text_[i] != '}' || (low.empty() && high.empty())) return std::nullopt;
        at_ = i + 1;
        return "{" + (low.empty() ? "0" : low) + (comma ? "," + high : "") + "}";
    }

    std::string repeated(std::string what) {
        while (more()) {
            const char c = text_[at_];
            if (c == '{') {
                const auto count = interval();
                if (!count) break;
                what += *count;
                if (more() && text_[at_] == '?') what += take();
                // Here X{n,m}+ is no possessive interval, but one repeated.
                if (more() && text_[at_] == '+') what = "(?:" + what + ")";
            } else if (c == '*' || c == '+' || c == '?') {
                what += take();
                if (more() && (text_[at_] == '?' || text_[at_] == '+')) what += take();
            } else {
                break;
            }
            if (more() && (text_[at_] == '*' || text_[at_] == '+' || text_[at_] == '?' || text_[at_] == '{'))
                what = "(?:" + what + ")";
        }
        return what;
    }

    // \x{..}, \xHH, \uHHHH as PCRE2 writes a character. `letter` is taken already.
    std::string code_point(char letter) {
        std::string digits;
        if (letter == 'x' && more() && text_[at_] == '{') {
            ++at_;
            while (more() && text_[at_] != '}') digits += take();
            (void)take();
        } else {
            const std::size_t wanted = letter == 'u' ? 4 : 2;
            while (digits.size() < wanted && more() && std::isxdigit(static_cast<unsigned char>(text_[at_])))
                digits += take();
        }
        for (const char c : digits)
            if (!std::isxdigit(static_cast<unsigned char>(c))) fail("a character's number is malformed");
        if (digits.empty() || digits.size() > 8) fail("a character's number is malformed");
        return "\\x{" + digits + "}";
    }

    // The name in \p{...}; `letter` p or P is taken already.
    Property property(char letter) {
        if (take() != '{') fail("a property's name stands in braces");
        const std::size_t end = text_.find('}', at_);
        if (end == std::string_view::npos) fail("a property's name is not closed");
        const std::string_view name = text_.substr(at_, end - at_);
        at_ = end + 1;
        auto found = named_property(name);
        if (!found) fail("the property " + printable(name, 40) + " is not known");
        if (letter == 'P') found->negated = !found->negated;
        return *found;
    }

    static std::string as_set(const Property& p) { return (p.negated ? "[^" : "[") + p.body + "]"; }

    std::string escape() {
        ++at_;
        if (!more()) fail("it ends in a backslash");
        const char c = text_[at_];
        if (const auto letter = letter_property(c)) {
            ++at_;
            return as_set(*letter);
        }
        const std::string word = as_set(*letter_property('w'));
        switch (c) {
            case 'p':
            case 'P':
                ++at_;
                return as_set(property(c));
            case 'x':
            case 'u':
                ++at_;
                return code_point(c);
            case 'v':
                ++at_;
                return "\\x{0B}";
            case 'O':
                ++at_;
                return "(?s:.)";
            case 'b':
                ++at_;
                return "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
            case 'B':
                ++at_;
                return "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))";
            case 'k':
            case 'g':
                return reference();
            default:
                return plain_escape();
        }
    }

    std::string reference() {
        const char letter = take();
        const char open = more() ? text_[at_] : '\0';
        if (open != '<' && open != '\'') fail("a reference lacks its name");
        const std::size_t end = text_.find(open == '<' ? '>' : '\'', at_ + 1);
        if (end == std::string_view::npos) fail("a reference is not closed");
        std::string out = std::string("\\") + letter + std::string(text_.substr(at_, end + 1 - at_));
        at_ = end + 1;
        return out;
    }

    // An escape that both dialects read alike, or a letter that means itself.
    std::string plain_escape() {
        const std::string character = take_character();
        const char c = character[0];
        if (character.size() > 1) return character;
        if (!std::isalnum(static_cast<unsigned char>(c))) return "\\" + character;
        constexpr std::string_view alike = "AZzGKRXNtnrfae0123456789";
        if (alike.find(c) != std::string_view::npos) return "\\" + character;
        if (std::string_view("yYcCM").find(c) != std::string_view::npos)
            fail("the escape \\" + character + " is not known");
        return character;
    }

    // A set, as an expression that matches one character.
    std::string set(int depth) {
        if (depth > deepest) fail("it is nested too deeply");
        ++at_;
        const bool negated = more() && text_[at_] == '^';
        if (negated) ++at_;
        std::vector<std::string> operands;  // of &&
        SetUnion current;
        bool first = true;
        while (true) {
            if (!more()) fail("a [ is not closed");
            if (text_[at_] == ']' && !first) break;
            first = false;
            if (ahead("&&")) {
                at_ += 2;
                operands.push_back(current.expression(false));
                current = {};
                continue;
            }
            member(current, depth);
        }
        ++at_;
        if (operands.empty()) return current.expression(negated);
        operands.push_back(current.expression(false));
        std::string all;
        for (const std::string& operand : operands) all += "(?=" + operand + ")";
        return negated ? "(?:(?!" + all + "(?s:.))(?s:.))" : "(?:" + all + "(?s:.))";
    }

    struct SetUnion {
        std::string items;                // what PCRE2 takes between brackets
        std::vector<std::string> others;  // expressions of one character

        std::string expression(bool negated) const {
            if (others.empty()) {
                if (items.empty()) return negated ? "(?s:.)" : "(?!)";
                return (negated ? "[^" : "[") + items + "]";
            }
            std::string any = items.empty() ? "" : "[" + items + "]";
            for (const std::string& other : others) any += (any.empty() ? "" : "|") + other;
            return negated ? "(?:(?!" + any + ")(?s:.))" : "(?:" + any + ")";
        }
        void add(const Property& p) {
            if (!p.negated) {
                items += p.body;
            } else if (!p.complement.empty()) {
                items += p.complement;
            } else {
                others.push_back("[^" + p.body + "]");
            }
        }
    };

    void member(SetUnion& into, int depth) {
        if (ahead("[:")) {
            if (const auto posix = posix_class()) return into.add(*posix);
        }
        if (text_[at_] == '[') return into.others.push_back(set(depth + 1));
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
            const char c = text_[at_ + 1];
            if (c == 'w' || c == 'W') {
                at_ += 2;
                auto word = *bracket_property("word");
                word.negated = c == 'W';
                return into.add(word);
            }
            if (const auto letter = letter_property(c)) {
                at_ += 2;
                return into.add(*letter);
            }
            if (c == 'p' || c == 'P') {
                at_ += 2;
                return into.add(property(c));
            }
            if (c == 'R' || c == 'X') fail("this escape cannot stand in a set");
        }
        into.items += set_character();
        // A range; a hyphen at the end is itself.
        if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']' && !ahead("-&&") &&
            !ahead("-[")) {
            ++at_;
            if (text_[at_] == '\\' && at_ + 1 < text_.size() &&
                (letter_property(text_[at_ + 1]) || text_[at_ + 1] == 'p' || text_[at_ + 1] == 'P'))
                fail("a class cannot end a range");
            into.items += "-" + set_character();
        }
    }

    std::string set_character() {
        if (text_[at_] != '\\') {
            const std::string character = take_character();
            const bool meta = character.size() == 1 &&
                              std::string_view("[]^-&~\\").find(character[0]) != std::string_view::npos;
            return meta ? "\\" + character : character;
        }
        ++at_;
        if (!more()) fail("it ends in a backslash");
        const char c = text_[at_];
        if (c == 'x' || c == 'u') {
            ++at_;
            return code_point(c);
        }
        if (c == 'v') {
            ++at_;
            return "\\x{0B}";
        }
        if (c == 'b') {
            ++at_;
            return "\\x{08}";
        }
        const std::string character = take_character();
        if (character.size() > 1) return character;
        if (!std::isalnum(static_cast<unsigned char>(c))) return "\\" + character;
        return std::string_view("tnrfae01234567").find(c) != std::string_view::npos ? "\\" + character
                                                                                    : character;
    }

    std::optional<Property> posix_class() {
        const std::size_t end = text_.find(":]", at_ + 2);
        if (end == std::string_view::npos) return std::nullopt;
        auto found = bracket_property(text_.substr(at_ + 2, end - at_ - 2));
        if (found) at_ = end + 2;
        return found;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::string from_oniguruma(std::string_view pattern) {
    return Translator(pattern).run();
}

}  // namespace deadscope

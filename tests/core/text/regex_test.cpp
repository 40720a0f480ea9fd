// Oniguruma's dialect as PCRE2 runs it: where the two differ, and the limits on what a pattern may cost.
#include "core/text/regex.h"

#include <gtest/gtest.h>

#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

// The matches, joined by bars.
std::string matches(const std::string& pattern, const std::string& text,
                    Regex::Kind kind = Regex::Kind::oniguruma) {
    const Regex regex(pattern, kind, {.file = "tokenizer.json", .key = "pre_tokenizer.pattern"});
    std::string out;
    for (const Cut& cut : regex.cuts(text))
        if (cut.match) out += (out.empty() ? "" : "|") + text.substr(cut.first, cut.last - cut.first);
    return out;
}

TEST(Regex, FollowsOnigurumaWhereTheDialectsDiffer) {
    EXPECT_EQ(matches(R"(\h+)", "xyz1aF g"), "1aF") << "hexadecimal digits, not blanks";
    EXPECT_EQ(matches(R"(\s+)", "a\u180e\u3000b"), "\u3000") << "White_Space has no U+180E";
    EXPECT_EQ(matches(R"(a{1,2}+)", "aaaaab"), "aaaaa") << "an interval repeated, not possessive";
    EXPECT_EQ(matches("a{,2}b", "aaab"), "aab");
    EXPECT_EQ(matches("(?m:a.b)", "a\nb"), "a\nb") << "m lets the dot match a newline";
    EXPECT_EQ(matches("a.b", "a\nb"), "");
    EXPECT_EQ(matches("^b", "a\nb"), "b") << "every line has a beginning";
    EXPECT_EQ(matches("a(?i)b|c", "aC aB ac c"), "aC|aB|ac") << "an option holds over the bar";
    EXPECT_EQ(matches("[a-z&&[^aeiou]]+", "hello world"), "h|ll|w|rld");
    EXPECT_EQ(matches(R"([^\W\d_]+)", "ab_1é"), "ab|é");
    EXPECT_EQ(matches("[[:punct:]]+", "$a+!"), "$|+!");
    EXPECT_EQ(matches(R"(\p{Punct}+)", "$a+!"), "!");
    EXPECT_EQ(matches(R"(\p{^L}+)", "ab12"), "12");
    EXPECT_EQ(matches(R"(\p{Han}+)", "あー漢字、"), "漢字") << "the script, not its extensions";
    EXPECT_EQ(matches(R"(\u0041|\x{62})", "AbC"), "A|b");
    EXPECT_EQ(matches(R"(\Q.\E)", "Q.E"), "Q.E") << "no quoting here";
    EXPECT_EQ(matches(R"(\v)", "\x0b\n"), "\x0b");
    EXPECT_EQ(matches("a.c", "abc a.c", Regex::Kind::literal), "a.c");
}

TEST(Regex, GivesEmptyMatchesAsOnigurumaDoes) {
    const Regex nothing("", Regex::Kind::oniguruma, {});
    const Cuts cuts = nothing.cuts("aé");
    ASSERT_EQ(cuts.size(), 5u)
        << "an empty match before each character and at the end, the characters between";
    EXPECT_EQ(cuts[1].last - cuts[1].first, 1u);
    EXPECT_EQ(cuts[3].last - cuts[3].first, 2u);
    EXPECT_TRUE(nothing.cuts("").empty());
}

TEST(Regex, RefusesWhatIsMalformedOrUnknownNamingThePlace) {
    for (const char* pattern : {"(a", "a)", "[a", "*a", "a\\", R"(\p{Nonsense})", R"(\p{L)", "(?s:a)",
                                "(?~a)", "(*FAIL)", "[b-a]", R"(\x{zz})", "(?<n", "(?#a", R"(\C)"}) {
        const std::string message = fixtures::error_of([&] { (void)matches(pattern, "a"); });
        EXPECT_NE(message.find("tokenizer.json"), std::string::npos) << pattern << ": " << message;
        EXPECT_NE(message.find("pre_tokenizer.pattern"), std::string::npos) << pattern;
    }
    const std::string deep = std::string(5000, '(') + "a" + std::string(5000, ')');
    EXPECT_NE(fixtures::error_of([&] { (void)matches(deep, "a"); }).find("nested"), std::string::npos);
    const std::string sets = std::string(5000, '[') + "a";
    EXPECT_NE(fixtures::error_of([&] { (void)matches(sets, "a"); }).find("nested"), std::string::npos);
}

TEST(Regex, StopsAPatternThatTakesTooLong) {
    const std::string message =
        fixtures::error_of([] { (void)matches("(a+)+$", std::string(4000, 'a') + "b"); });
    EXPECT_NE(message.find("too long on this text"), std::string::npos) << message;
}

TEST(Regex, TakesLongRunsInItsStride) {
    const std::string spaces(1 << 20, ' ');
    EXPECT_EQ(matches(R"(\s+(?!\S)|\s+)", spaces + "x").size(), spaces.size() + 1);
}

}  // namespace
}  // namespace deadscope

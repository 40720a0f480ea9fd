// Decoding as Python replaces, and the properties where utf8proc and the package disagree.
#include "core/text/unicode.h"

#include <gtest/gtest.h>

namespace deadscope {
namespace {

TEST(Unicode, ReplacesEachMaximalPartAsPythonDoes) {
    const std::string r = "\uFFFD";
    EXPECT_EQ(decode_replacing("a\xff"
                               "b"),
              "a" + r + "b");
    EXPECT_EQ(decode_replacing("\xe2\x82"), r) << "one for a sequence that is cut short";
    EXPECT_EQ(decode_replacing("\xf0\x9f\x98x"), r + "x");
    EXPECT_EQ(decode_replacing("\xed\xa0\x80"), r + r + r) << "a surrogate is no start of anything";
    EXPECT_EQ(decode_replacing("\xc0\xaf"), r + r) << "nor is an overlong form";
    EXPECT_EQ(decode_replacing("\xf4\x90\x80\x80"), r + r + r + r);
    EXPECT_EQ(decode_replacing("naïve 🙂"), "naïve 🙂");
}

TEST(Unicode, NormalFormsOrderLongRunsOfMarksInTime) {
    EXPECT_EQ(normal_form("e\u0301", NormalForm::nfc), "é");
    EXPECT_EQ(normal_form("ﬁ각", NormalForm::nfkd), "fi\u1100\u1161\u11a8");
    EXPECT_EQ(normal_form("a\u0301\u0323", NormalForm::nfd), "a\u0323\u0301");
    std::string marks = "a";
    for (int i = 0; i < 100'000; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
    const std::string ordered = normal_form(marks, NormalForm::nfd);
    EXPECT_EQ(ordered.size(), marks.size());
    EXPECT_EQ(ordered.substr(1, 4), "\u0323\u0323");
}

TEST(Unicode, LowerCaseIsCharacterByCharacter) {
    EXPECT_EQ(lower_case("İΣΑΣ"), "i\u0307σασ");
}

TEST(Unicode, PropertiesAreThoseOfThePackagesTables) {
    EXPECT_TRUE(is_punctuation('$') && is_punctuation(0x2026) && is_punctuation(0x166D));
    EXPECT_FALSE(is_punctuation(0x2E43)) << "younger than the package's table";
    EXPECT_TRUE(is_mark(0x1CF2));
    EXPECT_FALSE(is_mark(0x1ABF));
    EXPECT_TRUE(is_word(0x200D) && is_word(0x24B6));
    EXPECT_FALSE(is_word(0xB2));
    EXPECT_FALSE(is_white_space(0x180E));
}

TEST(Unicode, ClustersHoldWhatBelongsTogether) {
    EXPECT_EQ(grapheme_length("\r\nx", 0), 2u);
    EXPECT_EQ(grapheme_length("e\u0301\u0323x", 0), 5u);
    EXPECT_EQ(grapheme_length("🇩🇪🇫🇷", 0), 8u);
}

}  // namespace
}  // namespace deadscope

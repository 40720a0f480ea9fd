// Words from files and words for people: what leaves here is valid UTF-8 on one line, and bounded.
#include "core/base/text.h"

#include <gtest/gtest.h>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/precision.h"

namespace deadscope {
namespace {

TEST(Text, RecognisesUtf8AndRefusesItsForgeries) {
    EXPECT_EQ(utf8_length("a"), 1u);
    EXPECT_EQ(utf8_length("γ"), 2u);
    EXPECT_EQ(utf8_length("≥"), 3u);
    EXPECT_EQ(utf8_length("\xF0\x9F\x98\x80"), 4u);
    for (const char* bad :
         {"\x80", "\xC0\xAF", "\xC3", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
        EXPECT_EQ(utf8_length(bad), 0u);
    }
}

TEST(Text, PrintableEscapesControlsAndCutsAtTheLimit) {
    EXPECT_EQ(printable("a\nb\x1B[31m"), "a\\nb\\x1b[31m");
    EXPECT_EQ(printable("\xE2\x80\xAE"
                        "evil"),
              "\\u202eevil");  // right-to-left override
    EXPECT_EQ(printable("x\xFFy"), "x\xEF\xBF\xBDy");
    const std::string cut = printable(std::string(1000, 'q'), 10);
    EXPECT_EQ(cut, "qqqqqqqqqq\xE2\x80\xA6");
}

TEST(Error, MessageIsOneToFiveBoundedLinesOfUtf8WhateverThePartsHold) {
    const std::string rubbish = "\xFF\n\x07" + std::string(5000, '\x01');
    const Error error = Error::input(rubbish, {.file = rubbish,
                                               .key = rubbish,
                                               .offset = 17,
                                               .expected = rubbish,
                                               .found = rubbish,
                                               .hint = rubbish});
    const std::string& message = error.message();
    EXPECT_LE(message.size(), 1400u);
    EXPECT_LE(std::count(message.begin(), message.end(), '\n'), 4);
    EXPECT_EQ(to_utf8(message), message);
    for (const char c : message) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

TEST(Error, NamesFileKeyPlaceExpectedFoundAndHint) {
    const Error error = Error::usage("No", {.file = "f.safetensors",
                                            .key = "h.0",
                                            .offset = 9,
                                            .expected = "[2]",
                                            .found = "[3]",
                                            .hint = "Do."});
    EXPECT_EQ(error.message(),
              "No\n  file f.safetensors, at 'h.0', byte 9\n  expected [2], found [3]\n  Do.");
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(Error::input("Only this").message(), "Only this");
}

TEST(Checked, NoticesOverflowAndNegativeExtents) {
    EXPECT_EQ(checked_add(2, 3), 5u);
    EXPECT_FALSE(checked_add(~0ull, 1));
    EXPECT_FALSE(checked_multiply(1ull << 32, 1ull << 32));
    const std::int64_t large[] = {1ll << 32, 1ll << 32}, negative[] = {4, -1}, good[] = {4, 5};
    EXPECT_FALSE(checked_elements(large));
    EXPECT_FALSE(checked_elements(negative));
    EXPECT_EQ(checked_elements(good), 20u);
    EXPECT_EQ(checked_elements({}), 1u);
}

TEST(Hash, PiecesGiveTheHashOfTheWholeAndSeedsDiffer) {
    const std::string text = "algebraic dead directions";
    Hasher hasher;
    for (const char& c : text) hasher.add(std::as_bytes(std::span(&c, 1)));
    EXPECT_EQ(hasher.value(), hash64(text));
    EXPECT_NE(hash64(text, 1), hash64(text, 2));
    EXPECT_NE(hash64("a"), hash64("b"));
    EXPECT_EQ(hash_text(0x1234), "xxh3:0000000000001234");
    EXPECT_EQ(hash64(""), 0x2D06800538D394C2ull);  // XXH3's published value for no bytes and seed 0
}

TEST(Precision, RoundOffsHalveTheLastPlaceAndNamesComeBack) {
    EXPECT_EQ(unit_roundoff(Precision::f32), 0x1p-24);
    EXPECT_EQ(unit_roundoff(Precision::bf16), 0x1p-8);
    for (const Precision p : {Precision::f64, Precision::f32, Precision::bf16, Precision::f16}) {
        EXPECT_EQ(precision_from_name(precision_name(p)), p);
    }
    EXPECT_FALSE(precision_from_name("f128"));
}

}  // namespace
}  // namespace deadscope

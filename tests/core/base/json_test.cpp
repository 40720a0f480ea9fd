// JSON that nobody vouches for: what is refused, and that the message says where.
#include "core/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::AllOf;
using testing::HasSubstr;

nlohmann::json parse(std::string_view text, bool require_utf8 = false) {
    return parse_json(text, {.file = "config.json", .require_utf8 = require_utf8});
}

TEST(Json, ReadsWhatNlohmannReads) {
    const std::string text =
        R"({"a": [1, -2, 3.5e-7, true, null], "b": {"c": "\"\\\u03b3 γ"}, "d": [], "e": {}})";
    EXPECT_EQ(parse(text), nlohmann::json::parse(text));
}

TEST(Json, RefusesAKeyThatStandsTwiceAtAnyDepth) {
    EXPECT_THAT(error_of([] { parse(R"({"n_layer": 2, "n_layer": 3})"); }),
                AllOf(HasSubstr("config.json"), HasSubstr("'n_layer'"), HasSubstr("twice")));
    EXPECT_THAT(error_of([] { parse(R"([{"x": {"k": 1, "k": 1}}])"); }), HasSubstr("'k'"));
    EXPECT_EQ(parse(R"([{"k": 1}, {"k": 2}])").size(), 2u);
}

TEST(Json, NamesTheByteOfAnError) {
    EXPECT_THAT(error_of([] { parse(R"({"a": 1,, "b": 2})"); }), HasSubstr("byte 8"));
    EXPECT_THAT(error_of([] { parse(R"({"a": NaN, "b": 2,, "c": 3})"); }),
                HasSubstr("byte 18"));  // behind an edit
    EXPECT_THAT(error_of([] { parse(R"({"a": 1)"); }), HasSubstr("ends too early"));
    EXPECT_THAT(error_of([] { parse(""); }), HasSubstr("ends too early"));
}

TEST(Json, BoundsDepth) {
    const std::string deep = std::string(65, '[') + std::string(65, ']'),
                      well = std::string(64, '[') + std::string(64, ']');
    EXPECT_THAT(error_of([&] { parse(deep); }), HasSubstr("nested too deeply"));
    EXPECT_NO_THROW(parse(well));
    EXPECT_THAT(error_of([] { parse(std::string(1 << 20, '[')); }), HasSubstr("nested too deeply"));
}

TEST(Json, PythonsLiteralsAreToleratedUnusedAndRefusedUsed) {
    const nlohmann::json value =
        parse(R"({"a": NaN, "b": [Infinity, -Infinity], "c": "NaN, Infinity", "n": 3})");
    EXPECT_TRUE(std::isnan(value["a"].get<double>()));
    EXPECT_EQ(value["b"][1].get<double>(), -INFINITY);
    EXPECT_EQ(value["c"], "NaN, Infinity");
    const JsonObject object(value, "config.json");
    EXPECT_EQ(object.integer("n"), 3);
    EXPECT_THAT(error_of([&] { (void)object.number("a"); }), AllOf(HasSubstr("'a'"), HasSubstr("finite")));
    EXPECT_THAT(error_of([] { parse("{NaN: 1}"); }), HasSubstr("not the JSON"));
}

TEST(Json, StrayBytesBecomeReplacementsUnlessUtf8IsAskedFor) {
    EXPECT_EQ(parse("{\"a\": \"caf\xE9\"}")["a"], "caf\xEF\xBF\xBD");
    EXPECT_THAT(error_of([] { parse("{\"a\": \"caf\xE9\"}", true); }),
                AllOf(HasSubstr("UTF-8"), HasSubstr("byte 10")));
}

TEST(JsonObject, TypesAreCheckedAndNullIsNothing) {
    const nlohmann::json value = parse(
        R"({"i": 3, "f": 2.5, "s": "x", "b": true, "z": null, "o": {"k": "v"}, "l": [1, 2], "big": 18446744073709551615})");
    const JsonObject object(value, "config.json");
    EXPECT_EQ(object.integer("i"), 3);
    EXPECT_EQ(object.number("i"), 3.0);
    EXPECT_EQ(object.integer("z"), std::nullopt);
    EXPECT_FALSE(object.has("z"));
    EXPECT_EQ(object.integers("l"), (std::vector<std::int64_t>{1, 2}));
    EXPECT_THAT(error_of([&] { (void)object.integer("f"); }),
                AllOf(HasSubstr("config.json"), HasSubstr("'f'"), HasSubstr("2.5")));
    EXPECT_THAT(error_of([&] { (void)object.integer("big"); }), HasSubstr("'big'"));
    EXPECT_THAT(error_of([&] { (void)object.boolean("i"); }), HasSubstr("true or false"));
    EXPECT_THAT(error_of([&] { (void)object.object("o")->integer("k"); }), HasSubstr("'o.k'"));
    EXPECT_THAT(error_of([&] { JsonObject(value["l"], "config.json", "l"); }), HasSubstr("an object"));
}

}  // namespace
}  // namespace deadscope

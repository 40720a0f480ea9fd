// Reports as text: every number read back as the same double, beside the standard library's and nlohmann's
// own text; layout, strings, pieces.
#include "core/base/json_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace deadscope {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(double number) {
    std::string text = dump_json(Json(number));
    EXPECT_TRUE(text.ends_with('\n'));
    text.pop_back();
    return text;
}

// The digits alone, without what places them: "1.250e+02" and "125.0" have the same.
std::string digits_of(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, text.find('e')))
        if (c >= '0' && c <= '9') out += c;
    out.erase(0, out.find_first_not_of('0'));
    out.erase(out.find_last_not_of('0') + 1);
    return out;
}

void expect_round_trip(double number) {
    const std::string text = text_of(number);
    double back = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(error, std::errc()) << text;
    ASSERT_EQ(end, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(number)) << text;
    const Json read = Json::parse(text);
    ASSERT_TRUE(read.is_number_float()) << text;
    ASSERT_EQ(read.get<double>(), number) << text;
    char shortest[40];
    const auto standard =
        std::to_chars(shortest, shortest + sizeof shortest, number, std::chars_format::scientific);
    ASSERT_EQ(digits_of(text), digits_of({shortest, standard.ptr}));
    ASSERT_LE(text.size(), 24u) << text;
}

TEST(JsonText, NumbersReadBackAsTheSameDouble) {
    using Limits = std::numeric_limits<double>;
    for (const double number : {0.0,
                                1.0,
                                10.0,
                                0.1,
                                0.3,
                                1.0 / 3.0,
                                123456.0,
                                1e15,
                                1e16,
                                9007199254740993.0,
                                1e17,
                                1.5e17,
                                1e22,
                                1e23,
                                1e300,
                                0.001,
                                0.0001,
                                0.00012345,
                                1e-5,
                                1.5e-7,
                                1e-300,
                                5e-324,
                                2.5e-310,
                                Limits::min(),
                                Limits::max(),
                                Limits::epsilon(),
                                Limits::denorm_min(),
                                2.2250738585072011e-308}) {
        expect_round_trip(number);
        expect_round_trip(-number);
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 200'000; ++i) {
        const double any = std::bit_cast<double>(random());
        if (std::isfinite(any)) expect_round_trip(any);
        const double like_gamma = std::ldexp(static_cast<double>(random() >> 40), -24);  // floats below one
        expect_round_trip(like_gamma);
        expect_round_trip(std::round(like_gamma * 256.0) / 16.0);  // few digits
    }
}

TEST(JsonText, NumbersLookAsPeopleWriteThem) {
    EXPECT_EQ(text_of(0.0), "0.0");
    EXPECT_EQ(text_of(-0.0), "-0.0");
    EXPECT_EQ(text_of(1.0), "1.0");
    EXPECT_EQ(text_of(-12.5), "-12.5");
    EXPECT_EQ(text_of(0.0625), "0.0625");
    EXPECT_EQ(text_of(0.00025), "0.00025");
    EXPECT_EQ(text_of(0.000025), "2.5e-5");
    EXPECT_EQ(text_of(1e15), "1000000000000000.0");
    EXPECT_EQ(text_of(1e16), "1e16");
    EXPECT_EQ(text_of(1.25e300), "1.25e300");
    EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "null");
    EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonText, ListsOfNumbersAreLeaves) {
    const std::vector<double> some{1.0, -0.5, std::numeric_limits<double>::infinity(), 0.0}, none;
    Json value{{"some", json_numbers(some)}, {"none", json_numbers(none)}};
    value["nested"] = Json::array({json_numbers(some), json_numbers(some)});
    EXPECT_EQ(dump_json(value),
              "{\n  \"some\": [1.0,-0.5,null,0.0],\n  \"none\": [],\n  \"nested\": [\n"
              "    [1.0,-0.5,null,0.0],\n    [1.0,-0.5,null,0.0]\n  ]\n}\n");
    EXPECT_THROW(dump_json(Json::binary({1, 2, 3})), std::logic_error);
}

// All that is not a list of numbers reads as nlohmann's own text of the same value, character for character.
TEST(JsonText, TheRestIsLaidOutAsBefore) {
    const Json value{
        {"text", "a \"quoted\" \\ line\nand \x01 \x7f µ σ"},
        {"k\"ey", nullptr},
        {"flags", {true, false}},
        {"empty", {{"list", Json::array()}, {"object", Json::object()}, {"text", ""}}},
        {"integers",
         {0, -1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max()}},
        {"deep", {{{"a", {{"b", {1.5, 2}}}}}, "x"}}};
    EXPECT_EQ(dump_json(value), value.dump(2) + "\n");
    const Json stray = std::string("stray \xff byte");
    EXPECT_EQ(dump_json(stray), stray.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

TEST(JsonText, GoesOutInPieces) {
    const std::vector<double> numbers(50'000, 1.0 / 3.0);
    const std::string long_text(200'000, 'x');
    const Json value{{"numbers", json_numbers(numbers)}, {"text", long_text}, {"end", 1}};
    std::string all;
    std::size_t pieces = 0, largest = 0;
    write_json(value, [&](std::string_view piece) {
        all += piece;
        ++pieces;
        largest = std::max(largest, piece.size());
    });
    EXPECT_GE(pieces, 10u);
    EXPECT_LE(largest, long_text.size());
    const Json read = Json::parse(all);
    EXPECT_EQ(read["numbers"].get<std::vector<double>>(), numbers);
    EXPECT_EQ(read["text"], long_text);
    EXPECT_EQ(read["end"], 1);
}

TEST(JsonText, TheSinksErrorsAreTheCallers) {
    const Json value{{"a", 1}};
    EXPECT_THROW(write_json(value, [](std::string_view) { throw std::runtime_error("full"); }),
                 std::runtime_error);
}

}  // namespace
}  // namespace deadscope

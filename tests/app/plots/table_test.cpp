// CSV gives every number back, keeps odd names inside their field, and writes no NaN.
#include "app/plots/table.h"

#include <gtest/gtest.h>

#include <charconv>
#include <limits>

namespace deadscope {
namespace {

TEST(Csv, RoundTripsDoublesAndQuotesText) {
    const double tiny = -4.8e-33, third = 1.0 / 3.0;
    const Table table{"t",
                      {"model: a\nb"},
                      {"name", "value", "index"},
                      {{std::string("plain"), third, std::int64_t{-1}},
                       {std::string("a,\"b\"\nc"), tiny, std::int64_t{2}},
                       {std::string(), std::numeric_limits<double>::quiet_NaN(), std::int64_t{3}}}};
    EXPECT_EQ(csv_text(table),
              "# model: a b\n"
              "name,value,index\n"
              "plain,0.3333333333333333,-1\n"
              "\"a,\"\"b\"\"\nc\",-4.8e-33,2\n"
              ",,3\n");
    double back = 0.0;
    const std::string text = "0.3333333333333333";
    std::from_chars(text.data(), text.data() + text.size(), back);
    EXPECT_EQ(back, third);
}

}  // namespace
}  // namespace deadscope

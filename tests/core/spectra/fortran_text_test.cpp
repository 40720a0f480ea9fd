// The function of GNU Fortran's library that stands in lapack.cpp: joined, cut and filled as Fortran assigns.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

extern "C" void _gfortran_concat_string(std::size_t, char*, std::size_t, const char*, std::size_t,
                                        const char*);

namespace deadscope {
namespace {

std::string joined(std::size_t length, std::string_view first, std::string_view second) {
    std::string out(length + 1, '#');  // the last is not the function's
    _gfortran_concat_string(length, out.data(), first.size(), first.data(), second.size(), second.data());
    return out;
}

TEST(FortranText, IsJoinedFilledAndCut) {
    EXPECT_EQ(joined(2, "L", "N"), "LN#");
    EXPECT_EQ(joined(5, "L", "NT"), "LNT  #");
    EXPECT_EQ(joined(2, "L", "NT"), "LN#");
    EXPECT_EQ(joined(1, "LN", "T"), "L#");
    EXPECT_EQ(joined(2, "", ""), "  #");
    EXPECT_EQ(joined(0, "L", "N"), "#");
}

}  // namespace
}  // namespace deadscope

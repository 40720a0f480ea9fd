// .npy files: the three header versions, the four dtypes, and what is refused.
#include "core/base/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// As numpy.lib.format writes it: header padded so that the data is aligned to 64 bytes.
template <class T>
std::string npy(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                int version = 1, const std::string& order = "False") {
    std::string header =
        "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
    const std::size_t prefix = version == 1 ? 10 : 12;
    while ((prefix + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string out = "\x93NUMPY";
    out += static_cast<char>(version);
    out += '\0';
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    for (std::size_t i = 0; i < length_bytes; ++i) out += static_cast<char>(header.size() >> (8 * i));
    out += header;
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return out;
}

class Npy : public testing::Test {
protected:
    NpyArray open(const std::string& bytes) {
        fixtures::write_text(folder_ / "x.npy", bytes);
        return NpyArray::open((folder_ / "x.npy").string());
    }
    std::string refusal(const std::string& bytes) {
        return error_of([&] { open(bytes); });
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Npy, ReadsTheFourTypesAndThreeVersions) {
    const NpyArray tokens = open(npy<std::int64_t>("<i8", "(2, 3)", {1, 2, 3, 4, 5, -6}));
    EXPECT_THAT(tokens.shape(), ElementsAre(2, 3));
    EXPECT_THAT(tokens.integers(), ElementsAre(1, 2, 3, 4, 5, -6));
    EXPECT_EQ(tokens.type_text(), "int64");
    EXPECT_THAT(open(npy<std::int32_t>("<i4", "(2,)", {7, 8}, 2)).integers(), ElementsAre(7, 8));
    EXPECT_THAT(open(npy<float>("<f4", "(1, 2)", {0.5f, -2.0f}, 3)).doubles(), ElementsAre(0.5, -2.0));
    EXPECT_THAT(open(npy<double>("<f8", "()", {0.25})).floats(), ElementsAre(0.25f));
    EXPECT_TRUE(open(npy<double>("<f8", "(0, 4)", {})).doubles().empty());
}

TEST_F(Npy, RefusesWhatItDoesNotRead) {
    EXPECT_THAT(refusal(npy<float>("<f4", "(2, 1)", {1, 2}, 1, "True")),
                AllOf(HasSubstr("Fortran"), HasSubstr("x.npy")));
    EXPECT_THAT(refusal(npy<float>(">f4", "(2,)", {1, 2})), AllOf(HasSubstr("dtype"), HasSubstr(">f4")));
    EXPECT_THAT(refusal(npy<std::int64_t>("|O", "(1,)", {1})), HasSubstr("|O"));
    EXPECT_THAT(refusal(npy<float>("<f4", "(2,)", {1, 2}, 9)), HasSubstr("version"));
    EXPECT_THAT(refusal("hello, this is text"), HasSubstr("not an .npy file"));
    EXPECT_THAT(refusal(""), HasSubstr("not an .npy file"));
    EXPECT_THAT(error_of([&] { (void)open(npy<float>("<f4", "(1,)", {1})).integers(); }),
                HasSubstr("float32"));
}

TEST_F(Npy, RefusesShapesThatTheFileContradicts) {
    EXPECT_THAT(refusal(npy<float>("<f4", "(3,)", {1, 2})), AllOf(HasSubstr("12 bytes"), HasSubstr("8")));
    EXPECT_THAT(refusal(npy<float>("<f4", "(4294967296, 4294967296)", {1})), HasSubstr("shape"));
    EXPECT_THAT(refusal(npy<float>("<f4", "(-1,)", {1})), HasSubstr("malformed"));
    EXPECT_THAT(refusal(npy<float>("<f4", "(99999999999999999999999,)", {1})), HasSubstr("malformed"));
    EXPECT_THAT(refusal(npy<float>("<f4", "2", {1, 2})), HasSubstr("malformed"));
    const std::string whole = npy<float>("<f4", "(2,)", {1, 2});
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_THAT(refusal(whole.substr(0, length)), HasSubstr("x.npy")) << "cut at " << length;
    }
}

}  // namespace
}  // namespace deadscope

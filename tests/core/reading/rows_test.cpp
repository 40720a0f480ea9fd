// The arrays that a file offers to be read as activations.
#include "core/reading/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/model_files.h"
#include "tests/fixtures/safetensors_writer.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

using fixtures::constant;
using fixtures::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::string npy(const std::string& descr, const std::string& shape, std::size_t bytes) {
    std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize(118 - 1, ' ');
    header += '\n';
    return "\x93NUMPY" + std::string("\x01\x00\x76\x00", 4) + header + std::string(bytes, '\0');
}

class Rows : public testing::Test {
protected:
    std::vector<ArrayInfo> list(const std::string& name, const std::string& bytes) {
        fixtures::write_text(folder_ / name, bytes);
        return list_arrays((folder_ / name).string());
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Rows, OfASafetensorsFile) {
    const auto arrays =
        list("a.safetensors", fixtures::safetensors_bytes({{"gamma", constant({8}, 1.0)},
                                                           {"ids", constant({40}, 1.0, "I64")},
                                                           {"one", constant({}, 1.0)},
                                                           {"y", constant({5, 8}, 1.0, "BF16")}}));
    ASSERT_EQ(arrays.size(), 2u);  // neither whole numbers nor a single one
    EXPECT_EQ(arrays[0].name, "gamma");
    EXPECT_EQ(arrays[1].name, "y");
    EXPECT_EQ(arrays[1].type, "BF16");
    EXPECT_THAT(arrays[1].shape, ElementsAre(5, 8));
}

TEST_F(Rows, OfAnNpzWithArraysThatAreNotRead) {
    const auto arrays =
        list("a.npz", fixtures::zip_bytes({{.name = "objects.npy", .bytes = npy("|O", "(2,)", 16)},
                                           {.name = "ids.npy", .bytes = npy("<i8", "(2,)", 16)},
                                           {.name = "y.npy", .bytes = npy("<f4", "(3, 2)", 24)}}));
    ASSERT_EQ(arrays.size(), 1u);
    EXPECT_EQ(arrays[0].name, "y");
    EXPECT_EQ(arrays[0].type, "float32");
}

TEST_F(Rows, OfAnNpyIsOneWithoutAName) {
    const auto arrays = list("a.npy", npy("<f8", "(3, 2)", 48));
    ASSERT_EQ(arrays.size(), 1u);
    EXPECT_EQ(arrays[0].name, "");
    EXPECT_THAT(arrays[0].shape, ElementsAre(3, 2));
    EXPECT_TRUE(list("ids.npy", npy("<i8", "(3, 2)", 48)).empty());
}

TEST_F(Rows, OfAnotherFileAreAnErrorInWords) {
    EXPECT_THAT(error_of([&] { list("a.txt", "no array at all"); }), HasSubstr("a.txt"));
    EXPECT_THAT(error_of([&] { list_arrays(folder_.path().string()); }), HasSubstr(folder_.path().string()));
    EXPECT_THAT(error_of([&] { list("short.npy", npy("<f8", "(3, 2)", 8)); }), HasSubstr("short.npy"));
}

TEST_F(Rows, AreNoMoreThanAPersonCanChooseFrom) {
    fixtures::TensorMap many;
    for (std::size_t i = 0; i < arrays_listed + 5; ++i) many["t" + std::to_string(i)] = constant({1}, 1.0);
    EXPECT_EQ(list("many.safetensors", fixtures::safetensors_bytes(many)).size(), arrays_listed);
}

}  // namespace
}  // namespace deadscope

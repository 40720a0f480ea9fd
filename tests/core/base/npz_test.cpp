// Arrays in zips, stored and packed, read in pieces; and what is refused.
#include "core/base/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/model_files.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
    std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize(118 - 1, ' ');
    header += '\n';
    return "\x93NUMPY" + std::string("\x01\x00\x76\x00", 4) + header + data;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class Npz : public testing::Test {
protected:
    std::shared_ptr<const NpzFile> open(const std::vector<fixtures::ZipPart>& parts) {
        fixtures::write_text(folder_ / "a.npz", fixtures::zip_bytes(parts));
        return NpzFile::open((folder_ / "a.npz").string());
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Npz, ReadsArraysByNameAndInPieces) {
    std::vector<float> many(100'000);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i % 997) / 8;
    const auto file = open(
        {{.name = "x.npy", .bytes = npy("<f4", "(1000, 100)", bytes_of(many)), .deflate = true},
         {.name = "half.npy", .bytes = npy("<f2", "(3,)", bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x0001}))},
         {.name = "d/n.npy", .bytes = npy("<i8", "(2,)", bytes_of<std::int64_t>({-1, 7}))},
         {.name = "readme.txt", .bytes = "no array"}});
    EXPECT_THAT(file->names(), ElementsAre("x", "half", "d/n"));
    NpzReader x(file, "x");
    EXPECT_THAT(x.header().shape, ElementsAre(1000, 100));
    std::vector<double> found;
    for (std::size_t left = many.size(), piece = 1; left > 0; piece = piece * 5 + 1) {
        std::vector<double> some(std::min(piece, left));
        x.read(some);
        found.insert(found.end(), some.begin(), some.end());
        left -= some.size();
    }
    EXPECT_EQ(found, std::vector<double>(many.begin(), many.end()));
    std::vector<double> three(3), two(2);
    NpzReader(file, "half").read(three);
    EXPECT_THAT(three, ElementsAre(1.0, -2.0, 0x1p-24));
    NpzReader(file, "d/n").read(two);
    EXPECT_THAT(two, ElementsAre(-1, 7));
    EXPECT_THAT(error_of([&] { NpzReader(file, "y"); }), AllOf(HasSubstr("'y'"), HasSubstr("x, half, d/n")));
}

TEST_F(Npz, RefusesWhatContradictsItself) {
    const std::string good = npy("<f4", "(2,)", bytes_of<float>({1, 2}));
    for (std::size_t length = 0; length < good.size(); ++length) {
        const auto file = open({{.name = "x.npy", .bytes = good.substr(0, length)}});
        EXPECT_THAT(error_of([&] { NpzReader(file, "x"); }), HasSubstr("a.npz:x")) << length;
    }
    EXPECT_THAT(error_of([&] { NpzReader(open({{.name = "x.npy", .bytes = good + "more"}}), "x"); }),
                HasSubstr("length"));
    EXPECT_THAT(error_of([&] { open({{.name = "x.txt", .bytes = "x"}}); }), HasSubstr("no NumPy arrays"));
    EXPECT_THAT(error_of([&] { NpzFile::open((folder_ / "none.npz").string()); }),
                HasSubstr("does not exist"));
}

}  // namespace
}  // namespace deadscope

// PyTorch's files: those that PyTorch wrote (tests/golden/make_torch_files.py), and wrong ones of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <list>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/checkpoint/torch.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/pickle_writer.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
namespace pickles = fixtures::pickles;
using fixtures::error_of;
using fixtures::torch_zip;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const fs::path golden_folder = fs::path(DEADSCOPE_GOLDEN_DIR) / "torch_files";

std::string file_bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

nlohmann::json read_json(const fs::path& path) {
    return nlohmann::json::parse(file_bytes(path));
}

// Borrowed bytes outlive the file, so each test's are kept to the end.
std::unique_ptr<WeightsFile> open_bytes(const std::string& bytes) {
    static std::list<std::string> kept;
    const std::string& own = kept.emplace_back(bytes);
    return open_torch(MappedFile::borrow("memory.bin", std::as_bytes(std::span(own))));
}

std::string refusal(const std::string& bytes) {
    return error_of([&] { open_bytes(bytes); });
}

const TensorInfo* find(const WeightsFile& file, const std::string& name) {
    for (const TensorInfo& tensor : file.tensors())
        if (tensor.name == name) return &tensor;
    return nullptr;
}

template <class T = double>
std::vector<T> values(const WeightsFile& file, const TensorInfo& tensor) {
    std::vector<T> out(tensor.elements);
    file.read(tensor, {0, tensor.elements}, out);
    return out;
}

std::string floats(const std::vector<float>& numbers) {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

class GoldenTorch : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTorch, EveryTensorIsWhatPyTorchSays) {
    const nlohmann::json expected = read_json(golden_folder / "expected.json").at(GetParam());
    const auto file = open_torch(MappedFile::open((golden_folder / GetParam()).string()));
    EXPECT_EQ(file->tensors().size(), expected.size());
    for (const auto& [name, golden] : expected.items()) {
        const TensorInfo* tensor = find(*file, name);
        ASSERT_NE(tensor, nullptr) << name;
        EXPECT_EQ(dtype_name(tensor->dtype), golden["dtype"]) << name;
        EXPECT_EQ(tensor->shape, golden["shape"].get<std::vector<std::int64_t>>()) << name;
        if (golden["values"].is_null()) {  // complex
            EXPECT_THAT(error_of([&] { values(*file, *tensor); }), HasSubstr("dtype")) << name;
            continue;
        }
        const auto wanted = golden["values"].get<std::vector<double>>();
        EXPECT_EQ(values(*file, *tensor), wanted) << name;
        EXPECT_EQ(values<float>(*file, *tensor), std::vector<float>(wanted.begin(), wanted.end())) << name;
    }
}

TEST_P(GoldenTorch, EveryRangeOfEveryTensorIsAPartOfTheWhole) {
    const auto file = open_torch(MappedFile::open((golden_folder / GetParam()).string()));
    for (const TensorInfo& tensor : file->tensors()) {
        if (!is_readable(tensor.dtype)) continue;
        const std::vector<double> whole = values(*file, tensor);
        for (std::uint64_t first = 0; first <= tensor.elements; ++first) {
            for (std::uint64_t count = 0; count <= tensor.elements - first; ++count) {
                std::vector<double> part(count);
                file->read(tensor, {first, count}, part);
                const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(first);
                ASSERT_EQ(part, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(count)))
                    << tensor.name << " " << first << " " << count;
            }
        }
    }
}

// Cut anywhere, a file is refused in words or, in its padding, still whole.
TEST_P(GoldenTorch, EveryTruncationIsRefused) {
    const std::string bytes = file_bytes(golden_folder / GetParam());
    const bool zip = bytes.starts_with("PK");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const std::string cut = bytes.substr(0, length);
        EXPECT_THAT(refusal(cut), HasSubstr("memory.bin")) << length << (zip ? " of a zip" : " of a stream");
    }
}

// Bits turned one after another: anything may come of it but a crash or a read outside the file.
TEST_P(GoldenTorch, NoTurnedBitEndsTheProgram) {
    const std::string bytes = file_bytes(golden_folder / GetParam());
    std::size_t opened = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string turned = bytes;
        turned[i] = static_cast<char>(turned[i] ^ (1 << (i % 8)));
        try {
            const auto file = open_bytes(turned);
            for (const TensorInfo& tensor : file->tensors())
                if (is_readable(tensor.dtype)) (void)values(*file, tensor);
            ++opened;
        } catch (const Error&) {
        }
    }
    EXPECT_LT(opened, bytes.size());
}

std::vector<std::string> golden_names() {
    std::vector<std::string> names;
    const nlohmann::json expected = read_json(golden_folder / "expected.json");
    for (const auto& item : expected.items()) names.push_back(item.key());
    return names;
}
INSTANTIATE_TEST_SUITE_P(Files, GoldenTorch, testing::ValuesIn(golden_names()), [](const auto& each) {
    std::string name = each.param;
    for (char& c : name)
        if (c == '.') c = '_';
    return name;
});

TEST(Torch, ANestedStateDictIsFoundAndItsWrapperTakenOff) {
    const std::string one = pickles::tensor({.shape = {2}, .strides = {1}, .elements = 2});
    for (const char* key : {"state_dict", "model", "module", "model_state_dict", "net", "unusual"}) {
        const auto file = open_bytes(torch_zip(
            pickles::whole(pickles::dict({{"epoch", pickles::integer(7)},
                                          {key, pickles::dict({{"module.a", one}, {"module.b", one}})}})),
            {floats({1, 2})}));
        ASSERT_EQ(file->tensors().size(), 2u) << key;
        EXPECT_EQ(file->tensors()[0].name, "a");
        EXPECT_THAT(values(*file, file->tensors()[1]), ElementsAre(1, 2));
    }
    // Not all have the wrapper: then it is part of the name.
    EXPECT_EQ(open_bytes(
                  torch_zip(pickles::whole(pickles::dict({{"module.a", one}, {"b", one}})), {floats({1, 2})}))
                  ->tensors()[0]
                  .name,
              "module.a");
    EXPECT_THAT(refusal(torch_zip(pickles::whole(pickles::dict({{"x", pickles::dict({{"a", one}})},
                                                                {"y", pickles::dict({{"a", one}})}})),
                                  {floats({1, 2})})),
                AllOf(HasSubstr("no dictionary of named tensors"), HasSubstr("x, y")));
    EXPECT_THAT(refusal(torch_zip(pickles::whole(pickles::integer(3)), {})), HasSubstr("no dictionary"));
}

TEST(Torch, ATensorMustLieInsideItsStorage) {
    const auto message = [](const pickles::Tensor& tensor, std::size_t stored) {
        return refusal(torch_zip(pickles::whole(pickles::dict({{"w", pickles::tensor(tensor)}})),
                                 {std::string(stored, '\0')}));
    };
    EXPECT_THAT(message({.shape = {3}, .strides = {1}, .elements = 2}, 8),
                AllOf(HasSubstr("beyond its storage"), HasSubstr("'w'")));
    EXPECT_THAT(message({.shape = {2}, .strides = {1}, .offset = 1, .elements = 2}, 8), HasSubstr("beyond"));
    EXPECT_THAT(message({.shape = {2, 2}, .strides = {2, 1}, .elements = 4}, 8), HasSubstr("shorter"));
    EXPECT_THAT(message({.shape = {2}, .strides = {1}, .key = "7", .elements = 2}, 8), HasSubstr("missing"));
    EXPECT_THAT(message({.shape = {-1}, .strides = {1}, .elements = 2}, 8), HasSubstr("impossible"));
    EXPECT_THAT(message({.shape = {2}, .strides = {-1}, .elements = 2}, 8), HasSubstr("impossible"));
    EXPECT_THAT(message({.shape = {2}, .strides = {1}, .offset = -1, .elements = 2}, 8), HasSubstr("offset"));
    EXPECT_THAT(message({.shape = {2}, .strides = {1, 1}, .elements = 2}, 8), HasSubstr("strides"));
    const std::int64_t large = std::int64_t{1} << 62;
    EXPECT_THAT(message({.shape = {large, 4}, .strides = {4, 1}, .elements = 2}, 8), HasSubstr("beyond"));
    EXPECT_THAT(message({.shape = {2}, .strides = {large}, .offset = large, .elements = large}, 8),
                HasSubstr("beyond"));
    EXPECT_THAT(message({.shape = {2}, .strides = {1}, .elements = large}, 8), HasSubstr("beyond"));
    EXPECT_THAT(message({.shape = {large / 8}, .strides = {0}, .elements = 2}, 8), HasSubstr("repeats"));
    EXPECT_THAT(message({.shape = std::vector<std::int64_t>(17, 1),
                         .strides = std::vector<std::int64_t>(17, 1),
                         .elements = 1},
                        4),
                HasSubstr("short tuple"));
    EXPECT_THAT(message({.shape = {0}, .strides = {1}, .elements = 0}, 0), Not(HasSubstr("beyond")));
}

TEST(Torch, ATensorThatStandsTwiceIsRefused) {
    const std::string one = pickles::tensor({.shape = {2}, .strides = {1}, .elements = 2});
    EXPECT_THAT(refusal(torch_zip(pickles::whole(pickles::dict({{"a", one}, {"a", one}})), {floats({1, 2})})),
                AllOf(HasSubstr("twice"), HasSubstr("'a'")));
}

TEST(Torch, PackedEntriesAreUnpackedAndNumbersOfTheOtherOrderRefused) {
    const std::string pickle = pickles::whole(
        pickles::dict({{"w", pickles::tensor({.shape = {64}, .strides = {1}, .elements = 64})}}));
    std::vector<fixtures::ZipPart> parts{
        {.name = "x/data.pkl", .bytes = pickle, .deflate = true},
        {.name = "x/data/0", .bytes = floats(std::vector<float>(64, 1.5f)), .deflate = true}};
    const std::string bytes = fixtures::zip_bytes(parts);
    const auto file = open_bytes(bytes);
    EXPECT_EQ(values(*file, file->tensors()[0]), std::vector<double>(64, 1.5));
    parts.push_back({.name = "x/byteorder", .bytes = "big"});
    EXPECT_THAT(refusal(fixtures::zip_bytes(parts)),
                AllOf(HasSubstr("little-endian"), HasSubstr("byteorder")));
}

TEST(Torch, OtherFilesAreNamed) {
    EXPECT_THAT(refusal(""), HasSubstr("an empty file"));
    EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
    EXPECT_THAT(refusal("<!DOCTYPE html>"), HasSubstr("HTML"));
    EXPECT_THAT(refusal(std::string(257, 'x') + "ustar" + std::string(300, '\0')),
                AllOf(HasSubstr("tar archive"), HasSubstr("save it again")));
    EXPECT_THAT(refusal(fixtures::zip_bytes({{.name = "arr_0.npy", .bytes = "x"}})),
                AllOf(HasSubstr("not a PyTorch checkpoint"), HasSubstr("deadscope read")));
    EXPECT_THAT(refusal(fixtures::zip_bytes({})), HasSubstr("not a PyTorch checkpoint"));
    EXPECT_THAT(refusal(pickles::whole(pickles::integer(1))), HasSubstr("not a PyTorch checkpoint"));
}

}  // namespace
}  // namespace deadscope

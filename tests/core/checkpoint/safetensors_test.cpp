// The strict reader: what it reads, and every way in which a header can lie (issue's list of bad inputs).
#include "core/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "core/checkpoint/dtype.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::raw_safetensors;
using fixtures::safetensors_bytes;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Safetensors : public testing::Test {
protected:
    std::unique_ptr<WeightsFile> open(const std::string& bytes) {
        fixtures::write_text(folder_ / "m.safetensors", bytes);
        return open_safetensors(MappedFile::open((folder_ / "m.safetensors").string()));
    }
    std::string refusal(const std::string& bytes) {
        return error_of([&] { open(bytes); });
    }
    template <class T>
    std::vector<T> read(const std::string& bytes) {
        const auto file = open(bytes);
        std::vector<T> out(file->tensors().at(0).elements);
        file->read(file->tensors().at(0), {0, out.size()}, out);
        return out;
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(Safetensors, ReadsEveryTypeIntoFloatAndDouble) {
    for (const char* dtype : {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8"}) {
        const std::string bytes = safetensors_bytes({{"t", {{2, 2}, {0, 1, -2, 96}, dtype}}});
        EXPECT_THAT(read<float>(bytes), ElementsAre(0, 1, -2, 96)) << dtype;
        EXPECT_THAT(read<double>(bytes), ElementsAre(0, 1, -2, 96)) << dtype;
    }
    EXPECT_THAT(read<double>(safetensors_bytes({{"t", {{3}, {1, 0, 255}, "U8"}}})), ElementsAre(1, 0, 255));
    EXPECT_THAT(read<float>(safetensors_bytes({{"t", {{}, {2.5}, "F32"}}})), ElementsAre(2.5f));  // a scalar
}

// Written by PyTorch and the safetensors package (tests/golden/make_float4.py); every range, so both halves
// of a byte.
TEST(SafetensorsFile, FourBitNumbersAreThoseThatPyTorchPacked) {
    const auto file = open_safetensors(
        MappedFile::open(std::string(DEADSCOPE_GOLDEN_DIR) + "/torch_files/float4.safetensors"));
    ASSERT_EQ(file->tensors().size(), 2u);
    const auto named = [&](std::string_view name) {
        return *std::ranges::find(file->tensors(), name, &TensorInfo::name);
    };
    const TensorInfo packed = named("packed"), plain = named("expected");
    EXPECT_EQ(packed.shape, plain.shape);
    EXPECT_TRUE(is_computable(packed.dtype));
    std::vector<float> expected(plain.elements);
    file->read(plain, {0, plain.elements}, expected);
    for (std::uint64_t first = 0; first <= packed.elements; ++first) {
        for (std::uint64_t count = 0; first + count <= packed.elements; ++count) {
            std::vector<float> found(count);
            std::vector<double> wide(count);
            file->read(packed, {first, count}, found);
            file->read(packed, {first, count}, wide);
            for (std::size_t i = 0; i < count; ++i) {
                ASSERT_EQ(std::bit_cast<std::uint32_t>(found[i]),
                          std::bit_cast<std::uint32_t>(expected[first + i]))
                    << first + i;
                ASSERT_EQ(wide[i], static_cast<double>(expected[first + i]));
            }
        }
    }
}

TEST(DType, HalfAndBrainAgreeWithEveryBitPattern) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        float value = 0, brain = 0;
        convert_elements(DType::f16, reinterpret_cast<const std::byte*>(&half), 1, &value);
        convert_elements(DType::bf16, reinterpret_cast<const std::byte*>(&half), 1, &brain);
        const int exponent = static_cast<int>((bits >> 10) & 31), fraction = static_cast<int>(bits & 1023);
        const double magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                                 : exponent == 0 ? std::ldexp(fraction, -24)
                                                 : std::ldexp(1024 + fraction, exponent - 25);
        if (std::isnan(magnitude))
            ASSERT_TRUE(std::isnan(value)) << bits;
        else
            ASSERT_EQ(value, static_cast<float>((bits & 0x8000) != 0 ? -magnitude : magnitude)) << bits;
        ASSERT_EQ(std::bit_cast<std::uint32_t>(brain), bits << 16) << bits;
    }
}

TEST(DType, NarrowingRoundsToNearestEven) {
    const double between[] = {1.0 + 0x1p-24, 1.0 + 3 * 0x1p-24, 0.1};
    float out[3];
    convert_elements(DType::f64, reinterpret_cast<const std::byte*>(between), 3, out);
    EXPECT_THAT(out, ElementsAre(1.0f, 1.0f + 0x1p-22f, 0.1f));
}

TEST_F(Safetensors, ReadsRangesAndRefusesThoseBeyond) {
    const auto file =
        open(safetensors_bytes({{"a", fixtures::ramp({3}, 0)}, {"b", {{2, 3}, {0, 1, 2, 3, 4, 5}, "BF16"}}}));
    const TensorInfo& b = file->tensors().at(1);
    EXPECT_EQ(b.name, "b");
    std::vector<float> out(2);
    file->read(b, {3, 2}, out);
    EXPECT_THAT(out, ElementsAre(3, 4));
    EXPECT_THAT(error_of([&] {
                    file->read(b, {5, 2}, out);
                }),
                AllOf(HasSubstr("'b'"), HasSubstr("6 elements")));
    EXPECT_THAT(error_of([&] { file->read(b, {~0ull, 2}, out); }), HasSubstr("'b'"));
}

TEST_F(Safetensors, AnUnreadTypeIsAnErrorOnlyWhenItIsRead) {
    const auto file = open(raw_safetensors(
        R"({"q":{"dtype":"C64","shape":[4],"data_offsets":[0,32]},"w":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[32,35]}})",
        std::string(35, 'x')));
    EXPECT_EQ(file->tensors().size(), 2u);
    std::vector<float> out(4);
    EXPECT_THAT(error_of([&] {
                    file->read(file->tensors()[1], {0, 4}, out);
                }),
                AllOf(HasSubstr("'w'"), HasSubstr("F6_E2M3")));
    EXPECT_THAT(error_of([&] {
                    file->read(file->tensors()[0], {0, 4}, out);
                }),
                AllOf(HasSubstr("'q'"), HasSubstr("C64"), HasSubstr("m.safetensors")));
}

TEST_F(Safetensors, RecognisesWhatIsNoSafetensorsFile) {
    EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
                AllOf(HasSubstr("Git LFS pointer"), HasSubstr("git lfs pull")));
    EXPECT_THAT(refusal("<!DOCTYPE html><html><body>Access denied</body></html>"), HasSubstr("HTML"));
    EXPECT_THAT(refusal(std::string("PK\x03\x04", 4) + std::string(40, 'x')), HasSubstr("zip"));
    EXPECT_THAT(refusal("GGUF" + std::string(40, '\0')), HasSubstr("GGUF"));
    EXPECT_THAT(refusal("{\"error\": \"Repository not found\"}"), HasSubstr("JSON"));
    EXPECT_THAT(refusal(""), HasSubstr("empty file"));
    EXPECT_THAT(refusal("abc"), HasSubstr("cut short"));
    EXPECT_THAT(refusal(std::string(64, '\xEE')), HasSubstr("header of at most"));
    EXPECT_THAT(refusal(raw_safetensors("[1, 2]", "")), HasSubstr("not a safetensors file"));
}

TEST_F(Safetensors, EveryTruncationIsNoticedAndNamesTheFile) {
    const std::string whole = safetensors_bytes({{"a", fixtures::ramp({4})}, {"b", fixtures::ramp({2, 3})}});
    EXPECT_NO_THROW(open(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        ASSERT_THAT(refusal(whole.substr(0, length)), HasSubstr("m.safetensors")) << "cut at " << length;
    }
    EXPECT_THAT(refusal(whole.substr(0, whole.size() - 1)),
                AllOf(HasSubstr("'b'"), HasSubstr("beyond the end")));
    EXPECT_THAT(refusal(whole + "x"), HasSubstr("no tensor accounts for"));
}

struct BadHeader {
    const char* name;
    const char* header;
    std::size_t buffer;
    std::vector<std::string> words;
};

void PrintTo(const BadHeader& bad, std::ostream* out) {
    *out << bad.name;
}

class SafetensorsHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsHeader, IsRefusedNamingTheTensor) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "m.safetensors").string();
    fixtures::write_text(path, raw_safetensors(GetParam().header, std::string(GetParam().buffer, '\1')));
    const std::string message = error_of([&] { open_safetensors(MappedFile::open(path)); });
    EXPECT_THAT(message, HasSubstr("m.safetensors"));
    for (const std::string& word : GetParam().words) EXPECT_THAT(message, HasSubstr(word));
}

INSTANTIATE_TEST_SUITE_P(
    Lies, SafetensorsHeader,
    testing::Values(
        BadHeader{
            "Overlap",
            R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
            12,
            {"'b'", "overlap"}},
        BadHeader{
            "Twins",
            R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
            8,
            {"'b'", "overlap"}},
        BadHeader{
            "Hole",
            R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
            12,
            {"'b'", "hole"}},
        BadHeader{
            "HoleAtStart", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, {"'a'", "hole"}},
        BadHeader{"OutOfRange",
                  R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
                  8,
                  {"'a'", "beyond the end"}},
        BadHeader{
            "OutOfRangeHuge",
            R"({"a":{"dtype":"U8","shape":[1000000000000000000],"data_offsets":[0,1000000000000000000]}})",
            8,
            {"'a'", "beyond the end"}},
        BadHeader{"WrongSize",
                  R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
                  8,
                  {"'a'", "12 bytes", "F32 [3]", "found 8"}},
        BadHeader{"Overflow",
                  R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,0]}})",
                  0,
                  {"'a'", "shape"}},
        BadHeader{"NegativeExtent",
                  R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
                  8,
                  {"'a'", "[-2]"}},
        BadHeader{"Backwards",
                  R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
                  8,
                  {"a.data_offsets", "begin <= end"}},
        BadHeader{"NegativeOffset",
                  R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})",
                  8,
                  {"a.data_offsets"}},
        BadHeader{"ThreeOffsets",
                  R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})",
                  8,
                  {"a.data_offsets"}},
        BadHeader{"TextShape", R"({"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}})", 8, {"a.shape"}},
        BadHeader{
            "FloatShape", R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, {"a.shape"}},
        BadHeader{
            "UnknownType", R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8, {"'a'", "F31"}},
        BadHeader{"NumberType", R"({"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}})", 8, {"a.dtype"}},
        BadHeader{"NoType", R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, {"a.dtype", "missing"}},
        BadHeader{"NoShape", R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8, {"a.shape", "missing"}},
        BadHeader{"NotAnObject", R"({"a":[1]})", 0, {"'a'", "an object"}},
        BadHeader{
            "DuplicateTensor",
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
            1,
            {"'a'", "twice"}},
        BadHeader{"DuplicateField",
                  R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
                  1,
                  {"'dtype'", "twice"}},
        BadHeader{"NoName", R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, {"name"}},
        BadHeader{
            "HalfByte", R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}})", 1, {"'a'", "shape"}},
        BadHeader{"Metadata", R"({"__metadata__":{"format":1}})", 0, {"__metadata__.format"}},
        BadHeader{"NotJson", R"({"a":{"dtype":"F32",})", 0, {"byte 28", "JSON"}},
        BadHeader{"NotUtf8", "{\"a\xFF\":{}}", 0, {"byte 11", "UTF-8"}}),
    [](const auto& test) { return test.param.name; });

TEST_F(Safetensors, ALongTensorNameIsRefusedWithAShortMessage) {
    const std::string header =
        "{\"" + std::string(5000, 'n') + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    const std::string message = refusal(raw_safetensors(header, "x"));
    EXPECT_THAT(message, HasSubstr("impossible length"));
    EXPECT_LT(message.size(), 1000u);
}

TEST_F(Safetensors, AFileThatShrinksAfterItWasOpenedIsAnError) {
    const auto file = open(safetensors_bytes({{"wte.weight", fixtures::ramp({4096, 16})}}));
    ASSERT_EQ(truncate((folder_ / "m.safetensors").c_str(), 200), 0);
    std::vector<double> out(16);
    EXPECT_THAT(error_of([&] {
                    file->read(file->tensors()[0], {60000, 16}, out);
                }),
                AllOf(HasSubstr("wte.weight"), HasSubstr("shorter")));
}

// Whatever the bytes, there is an answer or an Error: no crash, no other exception.
TEST_F(Safetensors, DamagedBytesGiveAnErrorOrAnAnswer) {
    const std::string whole =
        safetensors_bytes({{"a", fixtures::ramp({4})}, {"b", fixtures::ramp({2, 3}, 1, "F16")}});
    std::mt19937 random(7);
    int opened = 0, refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = whole;
        for (auto edits = 1 + random() % 3; edits > 0; --edits)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        const auto file = MappedFile::borrow("damaged", std::as_bytes(std::span(bytes)));
        try {
            const auto weights = open_safetensors(file);
            for (const TensorInfo& tensor : weights->tensors()) {
                std::vector<float> out(tensor.elements);
                weights->read(tensor, {0, tensor.elements}, out);
            }
            ++opened;
        } catch (const Error&) {
            ++refused;
        }
    }
    EXPECT_GT(opened, 100);   // damage in the buffer alone
    EXPECT_GT(refused, 100);  // damage in the header
}

}  // namespace
}  // namespace deadscope

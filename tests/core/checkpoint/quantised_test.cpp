// Blocks of every kind against the `gguf` package, bit for bit, and every way to cut a range out of them.
#include "core/checkpoint/quantised.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>

#include "core/checkpoint/gguf.h"
#include "core/checkpoint/safetensors.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

const std::filesystem::path folder = std::filesystem::path(DEADSCOPE_GOLDEN_DIR) / "gguf";

template <class T>
std::vector<T> read(const WeightsFile& file, const TensorInfo& tensor, ElementRange range) {
    std::vector<T> out(range.count);
    file.read(tensor, range, std::span<T>(out));
    return out;
}

bool same(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
           (std::isnan(a) && std::isnan(b));
}

class Quantised : public testing::Test {
protected:
    std::unique_ptr<WeightsFile> blocks_ = open_gguf(MappedFile::open((folder / "quantised.gguf").string()));
    std::unique_ptr<WeightsFile> golden_ =
        open_safetensors(MappedFile::open((folder / "quantised.safetensors").string()));

    const TensorInfo& find(const std::string& name) const {
        for (const TensorInfo& tensor : blocks_->tensors()) {
            if (tensor.name == name) return tensor;
        }
        throw std::out_of_range(name);
    }
};

TEST_F(Quantised, EveryKindHasTheBitsOfTheReference) {
    EXPECT_EQ(golden_->tensors().size(), 18u);
    for (const TensorInfo& expected : golden_->tensors()) {
        const TensorInfo& tensor = find(expected.name);
        EXPECT_EQ(dtype_name(tensor.dtype), expected.name);
        ASSERT_EQ(tensor.shape, expected.shape) << expected.name;
        const auto found = read<float>(*blocks_, tensor, {0, tensor.elements});
        const auto wanted = read<float>(*golden_, expected, {0, expected.elements});
        std::size_t different = 0, finite = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            different += same(found[i], wanted[i]) ? 0 : 1;
            finite += std::isfinite(wanted[i]) ? 1 : 0;
        }
        EXPECT_EQ(different, 0u) << expected.name;
        EXPECT_GE(finite, found.size() / 2) << expected.name;
    }
}

TEST_F(Quantised, EveryRangeIsAPieceOfTheWhole) {
    for (const char* name : {"Q4_1", "Q6_K", "MXFP4", "NVFP4", "BF16"}) {
        const TensorInfo& tensor = find(name);
        const auto whole = read<float>(*blocks_, tensor, {0, tensor.elements});
        for (std::uint64_t first : {0u, 1u, 31u, 32u, 33u, 64u, 255u}) {
            for (std::uint64_t count : {0u, 1u, 31u, 32u, 65u, 256u, 257u}) {
                if (first + count > tensor.elements) continue;
                const auto piece = read<float>(*blocks_, tensor, {first, count});
                const auto wide = read<double>(*blocks_, tensor, {first, count});
                for (std::size_t i = 0; i < count; ++i) {
                    ASSERT_TRUE(same(piece[i], whole[first + i])) << name << " " << first << " " << count;
                    ASSERT_TRUE(same(static_cast<float>(wide[i]), whole[first + i])) << name;
                }
            }
        }
    }
}

TEST_F(Quantised, AKindThatIsNotDecodedIsNamed) {
    const TensorInfo& tensor = find("IQ2_XXS");
    EXPECT_FALSE(is_computable(tensor.dtype));
    EXPECT_THAT(fixtures::error_of([&] {
                    read<float>(*blocks_, tensor, {0, 1});
                }),
                testing::AllOf(testing::HasSubstr("IQ2_XXS"), testing::HasSubstr("not decoded")));
}

TEST(QuantisedKind, NamesAndSizes) {
    EXPECT_EQ(dtype_name(DType::q4_1), "Q4_1");
    EXPECT_EQ(quantised_kind(DType::q6_k).bytes, 210u);
    EXPECT_TRUE(is_computable(DType::q4_0));
    EXPECT_TRUE(is_computable(DType::bf16));
    EXPECT_FALSE(is_computable(DType::i32));
    EXPECT_FALSE(is_floating(DType::q4_0));
    EXPECT_EQ(dtype_from_ggml(3), DType::q4_1);
    EXPECT_EQ(dtype_from_ggml(30), DType::bf16);
    EXPECT_EQ(dtype_from_ggml(1000), DType::ggml_other);
}

}  // namespace
}  // namespace deadscope

// MXFP4 experts as transformers unpacks them (tests/golden/make_mxfp4.py), in any range.
#include "core/checkpoint/mxfp4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Mxfp4, BlocksAreTheTensorThatTransformersMakesOfThem) {
    const Checkpoint checkpoint =
        open_checkpoint(std::string(DEADSCOPE_GOLDEN_DIR) + "/torch_files/mxfp4.safetensors");
    const TensorInfo* tensor = checkpoint.find("experts.down_proj");
    ASSERT_NE(tensor, nullptr);
    EXPECT_THAT(tensor->shape, ElementsAre(2, 96, 6));
    EXPECT_TRUE(is_computable(tensor->dtype));
    const std::vector<double> expected = checkpoint.read_all(*checkpoint.find("expected"));
    EXPECT_EQ(checkpoint.read_all(*tensor), expected);
    for (std::uint64_t first = 0; first < tensor->elements; first += 31) {
        for (const std::uint64_t count :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{600}}) {
            if (first + count > tensor->elements) continue;
            std::vector<float> part(count);
            checkpoint.read(*tensor, {first, count}, part);
            for (std::size_t i = 0; i < count; ++i)
                ASSERT_EQ(part[i], static_cast<float>(expected[first + i]));
        }
    }
    std::vector<float> beyond(2);
    EXPECT_THAT(fixtures::error_of([&] {
                    checkpoint.read(*tensor, {tensor->elements - 1, 2}, beyond);
                }),
                HasSubstr("beyond the end"));
}

TEST(Mxfp4, PairsThatAreNoneAreLeftAlone) {
    fixtures::TemporaryFolder folder;
    const auto bytes = [](std::vector<std::int64_t> shape) {
        return fixtures::constant(std::move(shape), 1, "U8");
    };
    fixtures::write_checkpoint(folder / "m", "{}",
                               {{"a_blocks", bytes({2, 1, 16})},
                                {"a_scales", bytes({3, 1})},
                                {"b_blocks", bytes({2, 1, 8})},
                                {"b_scales", bytes({2, 1})},
                                {"c_blocks", fixtures::constant({2, 1, 16}, 1)},
                                {"c_scales", bytes({2, 1})},
                                {"d_blocks", bytes({2, 1, 16})},
                                {"e_blocks", bytes({2, 1, 16})},
                                {"e_scales", bytes({2, 1})},
                                {"e", bytes({1})}});
    const Checkpoint checkpoint = open_checkpoint((folder / "m").string());
    for (const char* name : {"a", "b", "c", "d"}) EXPECT_EQ(checkpoint.find(name), nullptr) << name;
    EXPECT_EQ(checkpoint.tensors().size(), 10u);
    EXPECT_EQ(checkpoint.files().size(), 1u);
}

}  // namespace
}  // namespace deadscope

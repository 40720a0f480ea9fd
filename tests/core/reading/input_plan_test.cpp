#include "core/reading/input_plan.h"

#include <gtest/gtest.h>

namespace deadscope {
namespace {

std::string golden(const std::string& name) {
    return std::string(DEADSCOPE_GOLDEN_DIR) + "/" + name;
}

InputSettings pixels(const std::string& name) {
    return {.kind = InputKind::pixels, .value = golden(name) + "/pixels.npy", .tokens = {}};
}

TEST(InputPlan, APictureOfAnotherSizeIsTheModelsWhereItReadsAny) {
    const Checkpoint checkpoint = open_checkpoint(golden("dinov2") + "/model");
    const Plan plan = plan_for_input(checkpoint, pixels("dinov2"));
    EXPECT_EQ(plan.patch_input->image_height, 22);
    EXPECT_EQ(plan.patch_input->image_width, 13);
    EXPECT_EQ(plan.context, 1 + 5 * 3);
    EXPECT_EQ(make_plan(checkpoint).patch_input->image_height, 16);
}

TEST(InputPlan, OtherModelsKeepTheirSize) {
    const Checkpoint checkpoint = open_checkpoint(golden("vit") + "/model");
    EXPECT_EQ(plan_for_input(checkpoint, pixels("dinov2")).patch_input->image_height, 20);
    const Checkpoint text = open_checkpoint(golden("gpt2") + "/model");
    EXPECT_TRUE(plan_for_input(text, pixels("vit")).token_input);
}

}  // namespace
}  // namespace deadscope

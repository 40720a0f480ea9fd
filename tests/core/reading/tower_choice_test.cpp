// Which tower of a checkpoint an input is for.
#include "core/reading/tower_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/reading/activations.h"
#include "core/reading/analyze.h"
#include "tests/fixtures/two_towers.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::EndsWith;
using testing::HasSubstr;

class TowerChoice : public testing::Test {
protected:
    TowerChoice() : model_(own_.open().source()) {
        fixtures::write_text(std::filesystem::path(model_) / "preprocessor_config.json",
                             R"({"image_processor_type": "ViTImageProcessor", "size": 8})");
    }
    ReadingSettings settings(InputKind kind, const std::string& value) const {
        ReadingSettings out;
        out.input = {.kind = kind, .value = value, .tokens = 48, .seed = 0};
        out.threads = 1;
        return out;
    }
    fixtures::OwnFamily own_ = fixtures::two_towers();
    std::string model_;
    fixtures::TemporaryFolder folder_;
};

TEST_F(TowerChoice, TheDefaultWhereItTakesTheInput) {
    for (const InputKind kind : {InputKind::random, InputKind::tokens, InputKind::text, InputKind::prompt})
        EXPECT_EQ(open_for_input(model_, kind).tower(), "");
}

TEST_F(TowerChoice, TheOneThatTakesPictures) {
    for (const InputKind kind : {InputKind::images, InputKind::pixels})
        EXPECT_EQ(open_for_input(model_, kind).tower(), "vision");
}

TEST_F(TowerChoice, TheDefaultWhereNoneTakesTheInput) {
    EXPECT_EQ(open_for_input(model_, InputKind::audio).tower(), "");
    EXPECT_THAT(error_of([&] { analyze(model_, settings(InputKind::audio, "a.wav")); }),
                HasSubstr("takes tokens"));
}

TEST_F(TowerChoice, OneAskedForByNameIsKept) {
    EXPECT_EQ(open_for_input(model_ + "#text", InputKind::images).tower(), "text");
    EXPECT_THAT(
        error_of([&] { analyze(model_ + "#text", settings(InputKind::images, std::string(kDrawnScenes))); }),
        HasSubstr("takes tokens"));
}

TEST_F(TowerChoice, AFamilyThatIsNotKnownIsPassedOver) {
    own_.model().config["vision_config"]["model_type"] = "nothing-such";
    const std::string model = own_.open().source();
    EXPECT_EQ(open_for_input(model, InputKind::images).tower(), "");
}

TEST_F(TowerChoice, TheReadingSaysWhichItIsOf) {
    const auto pictures = analyze(model_, settings(InputKind::images, std::string(kDrawnScenes)));
    ASSERT_TRUE(pictures);
    EXPECT_EQ(pictures->gamma.model.tower, "vision");
    EXPECT_THAT(pictures->gamma.model.name, EndsWith("#vision"));
    EXPECT_TRUE(pictures->gamma.model.pixels);
    const auto text = analyze(model_, settings(InputKind::random, ""));
    ASSERT_TRUE(text);
    EXPECT_EQ(text->gamma.model.tower, "text");
    EXPECT_THAT(text->gamma.model.towers, testing::ElementsAre("text", "vision"));
    EXPECT_FALSE(text->gamma.model.pixels);
}

TEST_F(TowerChoice, TheStreamWrittenIsThatTowers) {
    const std::string out = (folder_ / "out.safetensors").string();
    const auto written =
        write_activations(model_, settings(InputKind::images, std::string(kDrawnScenes)), out);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->gamma.model.tower, "vision");
    EXPECT_EQ(open_checkpoint(out).find("blocks.1.hook_resid_post"),
              nullptr);  // the picture model has one block
    EXPECT_NE(open_checkpoint(out).find("blocks.0.hook_resid_post"), nullptr);
}

}  // namespace
}  // namespace deadscope

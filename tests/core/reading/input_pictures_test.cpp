// Pictures as inputs: files and drawn scenes through a checkpoint's own preprocessing, and what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "core/reading/analyze.h"
#include "core/reading/input.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
namespace fs = std::filesystem;
const fs::path kGolden = fs::path(DEADSCOPE_GOLDEN_DIR) / "pictures";

InputSettings images(std::string value) {
    return {.kind = InputKind::images, .value = std::move(value), .tokens = {}, .seed = 0};
}

class PictureInputTest : public testing::Test {
protected:
    std::string model(const std::string& preprocessing) {
        const std::string path = fixtures::tiny_vit().write(folder_ / "vit");  // pictures 3 × 8 × 8
        if (!preprocessing.empty())
            fixtures::write_text(fs::path(path) / "preprocessor_config.json", preprocessing);
        return path;
    }
    PreparedInput prepare(const std::string& path, const InputSettings& settings) {
        const Checkpoint checkpoint = open_checkpoint(path);
        return prepare_input(make_plan(checkpoint), settings, &checkpoint);
    }
    fixtures::TemporaryFolder folder_;
};

TEST_F(PictureInputTest, AFolderGoesThroughTheCheckpointsOwnPreprocessing) {
    const std::string path = model(R"({"image_processor_type": "ViTImageProcessor", "size": 8})");
    fs::create_directory(folder_ / "pictures");
    for (const char* name : {"rgb.png", "cmyk.jpg"}) fs::copy(kGolden / name, folder_ / "pictures");
    const PreparedInput both = prepare(path, images((folder_ / "pictures").string()));
    EXPECT_EQ(both.kind, "images");
    EXPECT_EQ(both.input.layout.sequences(), 2u);
    ASSERT_EQ(both.input.pixels.size(), 2u * 3 * 8 * 8);
    const PreparedInput one = prepare(path, images((kGolden / "rgb.png").string()));
    ASSERT_EQ(one.input.pixels.size(), 3u * 8 * 8);
    EXPECT_TRUE(
        std::equal(one.input.pixels.begin(), one.input.pixels.end(), both.input.pixels.begin() + 3 * 8 * 8))
        << "by name: cmyk.jpg before rgb.png";
}

TEST_F(PictureInputTest, DrawnScenesFollowTheSeed) {
    const std::string path = model(R"({"image_processor_type": "ViTImageProcessor", "size": 8})");
    const PreparedInput first = prepare(path, images("builtin"));
    EXPECT_GE(first.input.tokens(), 16u) << "2 d by default";
    EXPECT_EQ(first.digest, prepare(path, images("builtin")).digest);
    InputSettings other = images("builtin");
    other.seed = 1;
    EXPECT_NE(first.digest, prepare(path, other).digest);
    EXPECT_LE(std::ranges::max(first.input.pixels), 1.0f);
    EXPECT_GE(std::ranges::min(first.input.pixels), -1.0f);
}

TEST_F(PictureInputTest, BuiltInModelsReadDrawnScenes) {
    ReadingSettings settings;
    settings.input = images("builtin");
    const auto reading = analyze("zoo:vit-layernorm", settings);
    ASSERT_TRUE(reading.has_value());
    EXPECT_EQ(reading->input.kind, "images");
    ASSERT_TRUE(reading->runs[0].alignment.value.has_value());
    EXPECT_GT(*reading->runs[0].alignment.value, 0.9999)
        << "the final LayerNorm's kernel, whatever the pictures";
}

TEST_F(PictureInputTest, WhatDoesNotFitIsSaid) {
    const std::string none = error_of([&] { prepare(model(""), images("builtin")); });
    EXPECT_NE(none.find("preprocessor_config.json"), std::string::npos) << none;
    const std::string size = error_of([&] {
        prepare(model(R"({"image_processor_type": "ViTImageProcessor", "size": 9})"), images("builtin"));
    });
    EXPECT_NE(size.find("8 × 8"), std::string::npos) << size;
    EXPECT_NE(size.find("9 × 9"), std::string::npos) << size;
    const std::string missing = error_of([&] {
        prepare(model(R"({"image_processor_type": "ViTImageProcessor", "size": 8})"),
                images("/nowhere/pictures"));
    });
    EXPECT_NE(missing.find("does not exist"), std::string::npos) << missing;
    const std::string gpt = fixtures::tiny_gpt2().write(folder_ / "gpt");
    EXPECT_NE(error_of([&] { prepare(gpt, images("builtin")); }).find("takes tokens"), std::string::npos);
}

}  // namespace
}  // namespace deadscope

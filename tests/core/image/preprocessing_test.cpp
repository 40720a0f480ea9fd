// Every preprocessing against transformers' PIL processors, and the words for configurations that are not
// read.
#include "core/image/preprocessing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/mapped_file.h"
#include "core/base/npy.h"
#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
const std::string kGolden = std::string(DEADSCOPE_GOLDEN_DIR) + "/pictures/";

class PreprocessingTest : public testing::Test {
protected:
    PicturePreprocessing read(const nlohmann::json& config, const std::string& model_type = "vit",
                              const std::string& name = "preprocessor_config.json") {
        fixtures::write_text(folder_ / name, config.dump());
        return read_here(model_type);
    }
    PicturePreprocessing read_here(const std::string& model_type) {
        Checkpoint checkpoint("test", "test", nullptr, {});
        checkpoint.set_folder(folder_.path().string());
        return read_picture_preprocessing(checkpoint, model_type);
    }
    std::string refused(const nlohmann::json& config) {
        return error_of([&] { read(config); });
    }
    fixtures::TemporaryFolder folder_;
};

// Resizing is integer arithmetic and equal to the last bit; scaling and normalising are the same three
// roundings in the same order. So the tolerance is none.
TEST_F(PreprocessingTest, EveryCaseIsWhatTransformersMakes) {
    const nlohmann::json cases =
        nlohmann::json::parse(read_text_file(kGolden + "golden.json", 1 << 20)).at("cases");
    ASSERT_GE(cases.size(), 30u);
    for (const nlohmann::json& one : cases) {
        const std::string name = one.at("golden").get<std::string>() + ": " + one.at("config").dump();
        const PicturePreprocessing how = read(one.at("config"));
        const Picture picture = read_picture(kGolden + one.at("picture").get<std::string>());
        std::vector<float> pixels;
        const PixelShape shape = preprocess(how, picture, pixels);
        const PixelShape foreseen = preprocessed_shape(how, picture.width, picture.height);
        EXPECT_EQ(shape.height, one.at("shape")[1].get<std::size_t>()) << name;
        EXPECT_EQ(shape.width, one.at("shape")[2].get<std::size_t>()) << name;
        EXPECT_EQ(foreseen.height, shape.height);
        EXPECT_EQ(foreseen.width, shape.width);
        ASSERT_EQ(pixels.size(), 3 * shape.height * shape.width) << name;
        const std::vector<float> expected =
            NpyArray::open(kGolden + one.at("golden").get<std::string>()).floats();
        const auto step = one.at("step").get<std::size_t>();
        ASSERT_EQ(expected.size(), (pixels.size() + step - 1) / step) << name;
        for (std::size_t i = 0; i < expected.size(); ++i)
            ASSERT_EQ(pixels[i * step], expected[i]) << name << ", element " << i * step;
    }
}

TEST_F(PreprocessingTest, OtherFiltersGiveOtherPixels) {
    const Picture picture = read_picture(kGolden + "rgb.png");
    const auto pixels = [&](int resample) {
        std::vector<float> out;
        preprocess(
            read({{"image_processor_type", "ViTImageProcessor"}, {"size", 24}, {"resample", resample}}),
            picture, out);
        return out;
    };
    EXPECT_NE(pixels(2), pixels(3));
    EXPECT_NE(pixels(0), pixels(2));
}

TEST_F(PreprocessingTest, TheProcessorIsFoundByItsNamesOrTheModels) {
    EXPECT_EQ(read({{"feature_extractor_type", "CLIPFeatureExtractor"}, {"size", 24}}).resize->shortest_edge,
              24);
    EXPECT_EQ(read({{"image_processor_type", "SiglipImageProcessorFast"}}).filter, Resampling::bicubic);
    EXPECT_EQ(read({{"size", 24}}, "dinov2").resize->shortest_edge, 24);
    EXPECT_EQ(read({{"size", 24}}, "deit").resize->height, 24);
    EXPECT_NE(error_of([&] {
                  read({{"size", 24}}, "unheard_of");
              }).find("image_processor_type"),
              std::string::npos);
    EXPECT_NE(refused({{"image_processor_type", "Siglip2ImageProcessor"}}).find("Siglip2ImageProcessor"),
              std::string::npos);
}

TEST_F(PreprocessingTest, TheFilesOfBothGenerations) {
    EXPECT_NE(error_of([&] { read_here("vit"); }).find("preprocessor_config.json"), std::string::npos);
    const nlohmann::json part{{"image_processor_type", "ViTImageProcessor"}, {"size", 17}};
    EXPECT_EQ(read({{"image_processor", part}}, "vit", "processor_config.json").resize->height, 17);
    EXPECT_EQ(read({{"image_processor_type", "ViTImageProcessor"}, {"size", 18}}).resize->height, 18)
        << "a preprocessor_config.json comes first";
}

TEST_F(PreprocessingTest, WhatWouldChangeThePixelsIsRefusedByName) {
    const auto with = [](const char* key, const nlohmann::json& value) {
        return nlohmann::json{{"image_processor_type", "ViTImageProcessor"}, {key, value}};
    };
    EXPECT_NE(refused(with("do_flip_channel_order", true)).find("do_flip_channel_order"), std::string::npos);
    EXPECT_NO_THROW(read(with("do_flip_channel_order", false)));
    EXPECT_NO_THROW(read(with("unheard_of", nullptr)));
    EXPECT_NE(refused(with("do_pad", true)).find("do_pad"), std::string::npos);
    EXPECT_NE(refused(with("resample", 9)).find("resample"), std::string::npos);
    EXPECT_NE(refused(with("size", {{"longest_edge", 20}})).find("size"), std::string::npos);
    EXPECT_NE(refused(with("size", {{"height", 20}})).find("size"), std::string::npos);
    EXPECT_NE(refused(with("size", {{"height", 0}, {"width", 20}})).find("height"), std::string::npos);
    EXPECT_NE(refused(with("size", {{"height", 1 << 30}, {"width", 20}})).find("16384"), std::string::npos);
    EXPECT_NE(refused(with("size", {{"depth", 20}})).find("depth"), std::string::npos);
    EXPECT_NE(refused(with("size", "large")).find("size"), std::string::npos);
    EXPECT_NE(refused(with("image_std", {0.5, 0.0, 0.5})).find("image_std"), std::string::npos);
    EXPECT_NE(refused(with("image_mean", {0.5, 0.5})).find("image_mean"), std::string::npos);
    EXPECT_NE(refused(with("crop_pct", 0.9)).find("crop_pct"), std::string::npos);
    EXPECT_NE(refused(with("do_resize", "yes")).find("do_resize"), std::string::npos);
}

TEST_F(PreprocessingTest, AnEdgeOutOfAllProportionIsRefused) {
    const PicturePreprocessing how =
        read({{"image_processor_type", "CLIPImageProcessor"}, {"do_center_crop", false}});
    Picture strip{.width = 1, .height = 100'000, .rgb = std::vector<std::uint8_t>(300'000)};
    std::vector<float> pixels;
    EXPECT_NE(error_of([&] { preprocess(how, strip, pixels); }).find("edge"), std::string::npos);
}

}  // namespace
}  // namespace deadscope

// Log-mel frames against transformers' WhisperFeatureExtractor, and the words for configurations that are not
// read.
#include "core/sound/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/mapped_file.h"
#include "core/base/npy.h"
#include "core/checkpoint/checkpoint.h"
#include "core/sound/wave.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
const std::string kGolden = std::string(DEADSCOPE_GOLDEN_DIR) + "/sound/";

class LogMelTest : public testing::Test {
protected:
    SoundPreprocessing read(const nlohmann::json& config,
                            const std::string& name = "preprocessor_config.json") {
        fixtures::write_text(folder_ / name, config.dump());
        Checkpoint checkpoint("test", "test", nullptr, {});
        checkpoint.set_folder(folder_.path().string());
        return read_sound_preprocessing(checkpoint);
    }
    std::string refused(const nlohmann::json& config) {
        return error_of([&] { read(config); });
    }
    fixtures::TemporaryFolder folder_;
};

// The reference rounds its spectrum to complex64: a relative error of 2^-24 of a frame's largest bin. A band
// that lies 1e-8 below it in power, the least that is kept, has 1e-4 of its amplitude, so its power is off by
// 1e-3 at worst and the feature by 1e-3 / ln 10 / 4; bands of many bins average that down. What is found is
// below 1e-6.
TEST_F(LogMelTest, IsWhatWhispersExtractorMakes) {
    const Sound sound = read_wave(kGolden + "speech.wav");
    const auto cases = nlohmann::json::parse(read_text_file(kGolden + "golden.json", 1 << 20)).at("features");
    ASSERT_EQ(cases.size(), 3u);
    for (const nlohmann::json& one : cases) {
        const SoundPreprocessing how = read(one.at("config"));
        const std::size_t count = std::min(sound.samples.size(), how.samples());
        const std::vector<float> features = log_mel(how, std::span(sound.samples).first(count));
        EXPECT_EQ(static_cast<std::size_t>(how.mel), one.at("shape")[0].get<std::size_t>());
        EXPECT_EQ(how.frames(), one.at("shape")[1].get<std::size_t>());
        ASSERT_EQ(features.size(), static_cast<std::size_t>(how.mel) * how.frames());
        const std::vector<float> expected =
            NpyArray::open(kGolden + one.at("golden").get<std::string>()).floats();
        const auto step = one.at("step").get<std::size_t>();
        ASSERT_EQ(expected.size(), (features.size() + step - 1) / step);
        float most = 0.0f;
        for (std::size_t i = 0; i < expected.size(); ++i)
            most = std::max(most, std::abs(features[i * step] - expected[i]));
        EXPECT_LT(most, 1e-5f) << one.at("config");
        RecordProperty("largest_difference", std::to_string(most));
    }
}

TEST_F(LogMelTest, SilenceIsTheFloorAndNoiseIsNot) {
    SoundPreprocessing how;
    how.seconds = 1;
    const std::vector<float> silence = log_mel(how, {});
    EXPECT_EQ(std::ranges::min(silence), std::ranges::max(silence));
    EXPECT_FLOAT_EQ(silence[0], (-10.0f + 4.0f) / 4.0f);
    std::vector<float> click(8000);
    click[4000] = 1.0f;
    const std::vector<float> features = log_mel(how, click);
    EXPECT_NEAR(std::ranges::max(features) - std::ranges::min(features), 2.0, 1e-6) << "8 decades, over 4";
}

TEST_F(LogMelTest, ConfigurationsOfBothGenerations) {
    EXPECT_EQ(read({{"feature_extractor", {{"feature_size", 128}}}}, "processor_config.json").mel, 128);
    EXPECT_EQ(read({{"feature_size", 64}, {"mel_filters", {{1.0}}}, {"n_samples", 480000}}).mel, 64);
    EXPECT_NE(refused({{"feature_extractor_type", "Wav2Vec2FeatureExtractor"}}).find("Wav2Vec2"),
              std::string::npos);
    EXPECT_NE(refused({{"do_normalize", true}}).find("do_normalize"), std::string::npos);
    EXPECT_NE(refused({{"dither", 0.1}}).find("dither"), std::string::npos);
    EXPECT_NE(refused({{"n_fft", 0}}).find("n_fft"), std::string::npos);
    EXPECT_NE(refused({{"n_fft", 401}}).find("even"), std::string::npos);
    EXPECT_NE(refused({{"chunk_length", 1e9}}).find("chunk_length"), std::string::npos);
}

}  // namespace
}  // namespace deadscope

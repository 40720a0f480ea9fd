// Sound as input: random frames, arrays, and a WAVE file through a checkpoint's preprocessing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/reading/input.h"
#include "core/sound/wave.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
const std::string kSpeech = std::string(DEADSCOPE_GOLDEN_DIR) + "/sound/speech.wav";  // 2.3 s

class SoundInputTest : public testing::Test {
protected:
    SoundInputTest() : checkpoint_("test", "test", nullptr, {}) {
        plan_.d = 16;
        plan_.context = 50;
        plan_.sound_input.emplace();
        plan_.sound_input->mel = 20;
        plan_.sound_input->frames = 100;
        checkpoint_.set_folder(folder_.path().string());
        configure(
            R"({"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 20, "chunk_length": 1})");
    }
    void configure(const char* text) { fixtures::write_text(folder_ / "preprocessor_config.json", text); }
    PreparedInput prepare(InputKind kind, std::string value) {
        return prepare_input(plan_, {.kind = kind, .value = std::move(value), .tokens = {}, .seed = 0},
                             &checkpoint_);
    }
    fixtures::TemporaryFolder folder_;
    Checkpoint checkpoint_;
    Plan plan_;
};

TEST_F(SoundInputTest, AFileIsSplitIntoWindows) {
    const PreparedInput sound = prepare(InputKind::audio, kSpeech);
    EXPECT_EQ(sound.kind, "audio");
    EXPECT_EQ(sound.input.layout.starts, (std::vector<std::size_t>{0, 50, 100, 150}));
    ASSERT_EQ(sound.input.features.size(), 3u * 20 * 100);
    EXPECT_EQ(sound.independent_rows, 150u);
    // Behind 0.3 s of the last window there is nothing: its frames are all alike.
    const auto last = std::span(sound.input.features).subspan(2 * 20 * 100, 100);
    EXPECT_NE(last[5], last[60]);
    EXPECT_EQ(last[50], last[90]);
}

TEST_F(SoundInputTest, RandomFramesFollowTheSeed) {
    const PreparedInput sound = prepare(InputKind::random, "");
    EXPECT_EQ(sound.kind, "random features");
    EXPECT_EQ(sound.input.tokens(), 50u) << "2 d, in whole windows";
    EXPECT_EQ(sound.input.features.size(), 20u * 100);
    EXPECT_EQ(sound.digest, prepare(InputKind::random, "").digest);
    EXPECT_NE(sound.digest, prepare(InputKind::audio, kSpeech).digest);
}

std::string npy(const std::string& shape, const std::vector<float>& values) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
    header.append(63 - (header.size() + 10) % 64, ' ');
    header += '\n';
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
           std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

TEST_F(SoundInputTest, ArraysAreCheckedAgainstTheModel) {
    const std::string path = (folder_ / "features.npy").string();
    fixtures::write_text(path, npy("(2, 20, 100)", std::vector<float>(4000, 0.5f)));
    EXPECT_EQ(prepare(InputKind::features, path).input.layout.sequences(), 2u);
    fixtures::write_text(path, npy("(2, 25, 80)", std::vector<float>(4000, 0.5f)));
    const std::string shape = error_of([&] { prepare(InputKind::features, path); });
    EXPECT_NE(shape.find("[B, 20, 100]"), std::string::npos) << shape;
    std::vector<float> holed(2000, 0.0f);
    holed[7] = std::numeric_limits<float>::infinity();
    fixtures::write_text(path, npy("(1, 20, 100)", holed));
    EXPECT_NE(error_of([&] { prepare(InputKind::features, path); }).find("element 7"), std::string::npos);
}

TEST_F(SoundInputTest, WhatDoesNotFitIsSaid) {
    EXPECT_NE(error_of([&] { prepare(InputKind::prompt, "hello"); }).find("takes sound, not prompt"),
              std::string::npos);
    EXPECT_NE(error_of([&] { prepare(InputKind::audio, "/nowhere.wav"); }).find("does not exist"),
              std::string::npos);
    configure(R"({"feature_size": 80})");
    const std::string other = error_of([&] { prepare(InputKind::audio, kSpeech); });
    EXPECT_NE(other.find("[20, 100]"), std::string::npos) << other;
    EXPECT_NE(other.find("[80, 3000]"), std::string::npos) << other;
}

}  // namespace
}  // namespace deadscope

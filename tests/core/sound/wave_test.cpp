// WAVE files of every coding against the values that NumPy reads from them, changed rates against the tones
// that they hold, and files that are damaged.
#include "core/sound/wave.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>

#include "core/base/mapped_file.h"
#include "core/base/npy.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
const std::string kGolden = std::string(DEADSCOPE_GOLDEN_DIR) + "/sound/";

TEST(Wave, EveryCodingIsReadToTheLastBit) {
    const auto waves = nlohmann::json::parse(read_text_file(kGolden + "golden.json", 1 << 20)).at("waves");
    ASSERT_EQ(waves.size(), 6u);
    for (const nlohmann::json& one : waves) {
        const Sound sound = read_wave(kGolden + one.at("file").get<std::string>());
        EXPECT_EQ(sound.rate, 16000);
        EXPECT_EQ(sound.samples, NpyArray::open(kGolden + one.at("golden").get<std::string>()).floats())
            << one;
    }
}

class DamagedWave : public testing::Test {
protected:
    std::string words(const std::string& bytes) {
        fixtures::write_text(folder_ / "sound.wav", bytes);
        return error_of([&] { read_wave((folder_ / "sound.wav").string()); });
    }
    std::string good_ = read_text_file(kGolden + "pcm16_2.wav", 1 << 20);
    fixtures::TemporaryFolder folder_;
};

TEST_F(DamagedWave, IsRefusedInWords) {
    EXPECT_NE(words("").find("not a WAVE file"), std::string::npos);
    EXPECT_NE(words("ID3 something that is an mp3").find("not a WAVE file"), std::string::npos);
    EXPECT_NE(words(good_.substr(0, good_.size() - 100)).find("ends too early"), std::string::npos);
    EXPECT_NE(words(good_.substr(0, 36)).find("no sound"), std::string::npos);
    std::string law = good_;
    law[20] = 7;  // µ-law
    EXPECT_NE(words(law).find("coding 7"), std::string::npos);
    std::string silent = good_;
    silent[22] = 0;
    EXPECT_NE(words(silent).find("0 channels"), std::string::npos);
    std::string unbounded = good_.substr(0, 12) + good_.substr(good_.find("data"));
    EXPECT_NE(words(unbounded).find("no format"), std::string::npos);
    std::string infinite = read_text_file(kGolden + "float32_2.wav", 1 << 20);
    infinite.replace(infinite.find("data") + 8, 4, std::string("\0\0\x80\x7f", 4));
    EXPECT_NE(words(infinite).find("finite"), std::string::npos);
}

TEST_F(DamagedWave, ALengthThatWasNeverWrittenMeansTheRest) {
    std::string piped = good_;
    piped.replace(piped.find("data") + 4, 4, "\xff\xff\xff\xff");
    fixtures::write_text(folder_ / "piped.wav", piped);
    EXPECT_EQ(read_wave((folder_ / "piped.wav").string()).samples,
              read_wave(kGolden + "pcm16_2.wav").samples);
}

TEST_F(DamagedWave, DoesNoHarm) {
    std::mt19937 draw(3);
    for (int trial = 0; trial < 400; ++trial) {
        std::string bytes = good_;
        for (int change = 0; change < 4; ++change) bytes[4 + draw() % 60] = static_cast<char>(draw());
        fixtures::write_text(folder_ / "sound.wav", bytes);
        try {
            EXPECT_FALSE(read_wave((folder_ / "sound.wav").string()).samples.empty());
        } catch (const Error& error) {
            EXPECT_FALSE(error.message().empty());
        }
    }
}

std::vector<float> tone(double hertz, std::int64_t rate) {
    std::vector<float> out(static_cast<std::size_t>(rate));
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(
            std::sin(2.0 * std::numbers::pi * hertz * static_cast<double>(i) / static_cast<double>(rate)));
    return out;
}

// Away from the ends, where half of the filter has nothing under it.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double most = 0.0;
    for (std::size_t i = 200; i + 200 < std::min(a.size(), b.size()); ++i)
        most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
    return most;
}

TEST(Resample, TonesStayWhatTheyAre) {
    for (const std::int64_t from : {8000, 11025, 22050, 44100, 48000, 16001})
        for (const double hertz : {50.0, 440.0, 3000.0})
            EXPECT_LT(largest_difference(resample(tone(hertz, from), from, 16000), tone(hertz, 16000)), 1e-4)
                << hertz << " Hz at " << from << ": the filter's ripple is 90 dB down, 3e-5";
    EXPECT_LT(largest_difference(resample(tone(7000, 48000), 48000, 16000), tone(7000, 16000)), 1e-4);
    EXPECT_EQ(resample(tone(440, 16000), 16000, 16000), tone(440, 16000));
}

TEST(Resample, WhatTheLowerRateCannotHoldIsGone) {
    for (const double hertz : {8500.0, 12000.0, 20000.0}) {
        const std::vector<float> left = resample(tone(hertz, 48000), 48000, 16000);
        EXPECT_LT(largest_difference(left, std::vector<float>(left.size())), 1e-4) << hertz;
    }
}

}  // namespace
}  // namespace deadscope

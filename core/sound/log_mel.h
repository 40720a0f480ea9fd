// Sound → the log-mel frames that Whisper's encoder reads, as transformers' WhisperFeatureExtractor computes
// them from the checkpoint's preprocessor_config.json.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deadscope {

class Checkpoint;

struct SoundPreprocessing {
    std::string source;            // the file it was read from, for messages
    std::int64_t mel = 80;         // bands
    std::int64_t rate = 16000;     // samples a second
    std::int64_t hop = 160;        // samples between frames
    std::int64_t transform = 400;  // samples of a frame
    std::int64_t seconds = 30;     // of a window
    float padding = 0.0f;          // behind a shorter sound
    std::size_t samples() const { return static_cast<std::size_t>(seconds * rate); }
    std::size_t frames() const { return samples() / static_cast<std::size_t>(hop); }
};

// preprocessor_config.json, or processor_config.json's "feature_extractor". Errors: no such file, another
// extractor, an option that is not known and would change the features.
SoundPreprocessing read_sound_preprocessing(const Checkpoint& checkpoint);

// [mel, frames] of one window: at most how.samples() samples at how.rate, padded to that many.
std::vector<float> log_mel(const SoundPreprocessing& how, std::span<const float> samples);

}  // namespace deadscope

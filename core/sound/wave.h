// Sound files: RIFF WAVE with PCM of 8, 16, 24 or 32 bits or floats, as one channel of numbers from -1 to 1.
// And its sampling rate changed. What a model wants of it is log_mel.h's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deadscope {

struct Sound {
    std::int64_t rate = 0;       // samples a second
    std::vector<float> samples;  // the mean of the channels
};

// Errors: not a WAVE file, a coding that is not read (named), a file cut short, a sample that is not finite.
Sound read_wave(const std::string& path);

// At `rate` samples a second, by a windowed sinc (Kaiser, 32 zero crossings a side, about 90 dB), which
// passes what lies below 0.92 of the lower of the two Nyquist frequencies. The same rate: the same samples.
std::vector<float> resample(std::span<const float> samples, std::int64_t from, std::int64_t to);

}  // namespace deadscope

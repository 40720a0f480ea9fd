// See input_sound.h.
#include "core/reading/input_sound.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/npy.h"
#include "core/base/philox.h"
#include "core/checkpoint/checkpoint.h"
#include "core/reading/input_tokens.h"
#include "core/sound/log_mel.h"
#include "core/sound/wave.h"

namespace deadscope {

namespace {

constexpr std::uint64_t kMostFeatureBytes = std::uint64_t{4} << 30;

SequenceLayout sound_layout(const SoundInputSpec& sound, std::size_t sounds) {
    const auto each = static_cast<std::size_t>(sound.tokens_per_sound());
    SequenceLayout layout{.starts = {0}};
    for (std::size_t i = 1; i <= sounds; ++i) layout.starts.push_back(i * each);
    return layout;
}

std::size_t sound_elements(const SoundInputSpec& sound) {
    return static_cast<std::size_t>(sound.mel * sound.frames);
}

void check_count(const SoundInputSpec& sound, std::size_t sounds, const std::string& file) {
    const std::uint64_t most = kMostFeatureBytes / (4 * std::max<std::size_t>(sound_elements(sound), 1));
    if (sounds > most)
        throw Error::resource("this is more sound than is held in memory at once",
                              {.file = file,
                               .expected = "at most " + std::to_string(most) + " windows",
                               .found = std::to_string(sounds)});
}

}  // namespace

ModelInput random_sounds(const Plan& plan, const InputSettings& settings) {
    const SoundInputSpec& sound = *plan.sound_input;
    const auto each = static_cast<std::size_t>(std::max<std::int64_t>(sound.tokens_per_sound(), 1));
    const std::size_t sounds = (random_count(plan, settings) + each - 1) / each;
    check_count(sound, sounds, {});
    ModelInput input;
    input.features.reserve(sounds * sound_elements(sound));
    std::vector<double> one(sound_elements(sound));
    const Philox draw(settings.seed, "input features");
    for (std::size_t i = 0; i < sounds; ++i) {
        draw.fill_normal(i * one.size(), one);
        for (const double value : one) input.features.push_back(static_cast<float>(value));
    }
    input.layout = sound_layout(sound, sounds);
    return input;
}

ModelInput sounds_from_array(const Plan& plan, const std::string& path) {
    const SoundInputSpec& sound = *plan.sound_input;
    const NpyArray array = NpyArray::open(path);
    const auto& shape = array.shape();
    const std::vector<std::int64_t> one{sound.mel, sound.frames};
    if (array.type() != NpyType::f4 || shape.size() != 3 || shape[0] <= 0 ||
        !std::equal(one.begin(), one.end(), shape.begin() + 1))
        throw Error::input("this array is not log-mel frames for this model",
                           {.file = path,
                            .expected = "float32 [B, " + shape_text(one).substr(1),
                            .found = array.type_text() + " " + shape_text(shape)});
    ModelInput input;
    input.features = array.floats();
    for (std::size_t i = 0; i < input.features.size(); ++i)
        if (!std::isfinite(input.features[i]))
            throw Error::input("a feature is not a finite number",
                               {.file = path, .key = "element " + std::to_string(i)});
    input.layout = sound_layout(sound, static_cast<std::size_t>(shape[0]));
    return input;
}

ModelInput sounds_from_wave(const Plan& plan, const std::string& path, const Checkpoint* checkpoint) {
    const SoundInputSpec& spec = *plan.sound_input;
    if (!checkpoint) throw Error::input("there is no checkpoint that says how sound is to be prepared");
    const SoundPreprocessing how = read_sound_preprocessing(*checkpoint);
    if (how.mel != spec.mel || how.frames() != static_cast<std::size_t>(spec.frames))
        throw Error::input("the preprocessing gives frames of another shape than the model reads",
                           {.file = how.source,
                            .expected = shape_text(std::vector<std::int64_t>{spec.mel, spec.frames}),
                            .found = shape_text(std::vector<std::int64_t>{
                                how.mel, static_cast<std::int64_t>(how.frames())})});
    const Sound sound = read_wave(path);
    const std::vector<float> samples = resample(sound.samples, sound.rate, how.rate);
    const std::size_t window = how.samples(), sounds = (samples.size() + window - 1) / window;
    check_count(spec, sounds, path);
    ModelInput input;
    input.features.reserve(sounds * sound_elements(spec));
    for (std::size_t i = 0; i < sounds; ++i) {
        const auto rest = std::span(samples).subspan(i * window);
        const std::vector<float> frames = log_mel(how, rest.first(std::min(window, rest.size())));
        input.features.insert(input.features.end(), frames.begin(), frames.end());
    }
    input.layout = sound_layout(spec, sounds);
    return input;
}

}  // namespace deadscope

// preprocessor_config.json → SoundPreprocessing: every key is used, known to change nothing, or refused.
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/folder.h"
#include "core/sound/log_mel.h"

namespace deadscope {
namespace {

constexpr std::uint64_t kLargestFile = 1u << 24;  // older files hold the whole filter bank, in digits

std::int64_t integer(const JsonObject& config, const char* key, std::int64_t otherwise, std::int64_t least,
                     std::int64_t most) {
    const std::int64_t value = config.integer(key).value_or(otherwise);
    if (value < least || value > most)
        config.wrong(key, std::to_string(least) + " to " + std::to_string(most));
    return value;
}

void refuse_unknown(const JsonObject& config) {
    static const std::set<std::string> used{"feature_size", "sampling_rate",         "hop_length",
                                            "n_fft",        "chunk_length",          "padding_value",
                                            "dither",       "feature_extractor_type"};
    // The filter bank and the lengths in samples follow from the others; the extractor computes them anew.
    static const std::set<std::string> neutral{
        "mel_filters",     "n_samples",      "nb_max_frames", "return_attention_mask",
        "processor_class", "padding_side",   "auto_map",      "transformers_version",
        "device",          "return_tensors", "max_length",    "truncation"};
    for (const std::string& key : config.keys()) {
        const nlohmann::json* value = config.find(key);
        if (used.contains(key) || neutral.contains(key) || !value || *value == false) continue;
        throw Error::input("an option of the preprocessing is not known, and may change the features",
                           {.file = config.file(), .key = config.key_path(key), .found = json_words(*value)});
    }
    if (config.number("dither").value_or(0.0) != 0.0) config.wrong("dither", "0: noise is not added");
}

SoundPreprocessing read_config(const JsonObject& config) {
    const std::string type = config.text("feature_extractor_type").value_or("WhisperFeatureExtractor");
    if (type != "WhisperFeatureExtractor") config.wrong("feature_extractor_type", "WhisperFeatureExtractor");
    refuse_unknown(config);
    SoundPreprocessing how;
    how.source = config.file();
    how.mel = integer(config, "feature_size", how.mel, 1, 1024);
    how.rate = integer(config, "sampling_rate", how.rate, 1000, 384'000);
    how.hop = integer(config, "hop_length", how.hop, 1, 1 << 16);
    how.transform = integer(config, "n_fft", how.transform, 16, 4096);
    how.seconds = integer(config, "chunk_length", how.seconds, 1, 600);
    how.padding = static_cast<float>(config.number("padding_value").value_or(0.0));
    if (how.transform % 2 != 0) config.wrong("n_fft", "an even number");
    if (how.frames() == 0) config.wrong("hop_length", "less than the window");
    return how;
}

}  // namespace

SoundPreprocessing read_sound_preprocessing(const Checkpoint& checkpoint) {
    for (const char* name : {"preprocessor_config.json", "processor_config.json"}) {
        const std::string path = file_beside(checkpoint, name);
        if (path.empty()) continue;
        const nlohmann::json json = parse_json(read_text_file(path, kLargestFile), {.file = path});
        const JsonObject whole(json, path);
        if (const auto part = whole.object("feature_extractor")) return read_config(*part);
        if (name == std::string_view("preprocessor_config.json")) return read_config(whole);
    }
    throw Error::input(
        "there is no preprocessor_config.json beside the weights, so how sound is to be prepared is "
        "not known",
        {.file = checkpoint.source(), .hint = "give log-mel frames by --features FILE.npy"});
}

}  // namespace deadscope

// preprocessor_config.json → PicturePreprocessing: every key is used, known to change nothing, or refused.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/folder.h"
#include "core/image/preprocessing.h"

namespace deadscope {
namespace {

constexpr std::uint64_t kLargestFile = 1u << 20;
constexpr std::int64_t kLargestEdge = 1 << 14;  // pixels

using Size = PicturePreprocessing::Size;
constexpr std::array<double, 3> kStandard{0.5, 0.5, 0.5};
constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipDeviation{0.26862954, 0.26130258, 0.27577711};

// What a processor does where its file says nothing (transformers' class attributes).
struct Processor {
    std::string_view name;  // of the class, without ImageProcessor or FeatureExtractor behind it
    Size size;
    bool square;  // one number as size means both edges, not the shortest
    bool crop;
    std::int64_t resample;
    std::array<double, 3> mean, deviation;
    double crop_share = 0.0;
};
constexpr Processor processors[] = {
    {"ViT", {224, 224, 0, 0}, true, false, 2, kStandard, kStandard},
    {"DeiT", {256, 256, 0, 0}, true, true, 3, kStandard, kStandard},
    {"CLIP", {0, 0, 224, 0}, false, true, 3, kClipMean, kClipDeviation},
    {"ChineseCLIP", {0, 0, 224, 0}, false, true, 3, kClipMean, kClipDeviation},
    {"Siglip", {224, 224, 0, 0}, false, false, 3, kStandard, kStandard},
    {"Beit", {224, 224, 0, 0}, true, false, 3, kStandard, kStandard},
    {"Bit", {0, 0, 224, 0}, false, true, 3, kClipMean, kClipDeviation},
    {"ConvNext", {0, 0, 384, 0}, false, false, 3, kStandard, kStandard, 224.0 / 256.0},
};
// Of checkpoints whose file names none, by the model's type.
constexpr std::pair<std::string_view, std::string_view> processor_of_model[] = {
    {"vit", "ViT"},       {"vit_mae", "ViT"},
    {"vit_msn", "ViT"},   {"deit", "DeiT"},
    {"clip", "CLIP"},     {"clip_vision_model", "CLIP"},
    {"siglip", "Siglip"}, {"siglip_vision_model", "Siglip"},
    {"beit", "Beit"},     {"data2vec-vision", "Beit"},
    {"dinov2", "Bit"},    {"dinov2_with_registers", "Bit"},
    {"ijepa", "ViT"},
};

const Processor* find_processor(std::string name) {
    for (const std::string_view ending : {"Fast", "Pil", "ImageProcessor", "FeatureExtractor"})
        if (name.ends_with(ending)) name.resize(name.size() - ending.size());
    const auto* found = std::ranges::find(processors, name, &Processor::name);
    return found == std::end(processors) ? nullptr : found;
}

const Processor& choose_processor(const JsonObject& config, const std::string& model_type) {
    for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
        const std::optional<std::string> name = config.text(key);
        if (!name) continue;
        const Processor* found = find_processor(*name);
        if (found) return *found;
        config.wrong(key, "ViT, DeiT, CLIP, Siglip, Beit, Bit or ConvNext, as ViTImageProcessor");
    }
    for (const auto& [type, name] : processor_of_model)
        if (type == model_type) return *find_processor(std::string(name));
    config.missing("image_processor_type", "the name of an image processor");
}

// Keys that say nothing about pixels, or only of inputs that are not ours.
bool is_neutral(const std::string& key) {
    static const std::set<std::string> keys{
        "image_processor_type",  "feature_extractor_type", "processor_class",   "auto_map",
        "data_format",           "input_data_format",      "return_tensors",    "device",
        "disable_grouping",      "image_seq_length",       "do_reduce_labels",  "reduce_labels",
        "_valid_processor_keys", "do_convert_rgb",         "default_to_square", "model_input_names",
        "transformers_version",  "image_seq_len",          "num_channels"};
    return keys.contains(key);
}

void refuse_unknown(const JsonObject& config) {
    static const std::set<std::string> used{"do_resize",  "size",       "resample",       "do_center_crop",
                                            "crop_size",  "do_rescale", "rescale_factor", "do_normalize",
                                            "image_mean", "image_std",  "crop_pct",       "pad_size",
                                            "do_pad"};
    for (const std::string& key : config.keys()) {
        const nlohmann::json* value = config.find(key);
        if (used.contains(key) || is_neutral(key) || !value || *value == false) continue;
        throw Error::input("an option of the preprocessing is not known, and may change the pixels",
                           {.file = config.file(), .key = config.key_path(key), .found = json_words(*value)});
    }
    if (config.boolean("do_pad").value_or(false))
        throw Error::input("pictures are not padded by this version",
                           {.file = config.file(), .key = config.key_path("do_pad"), .found = "true"});
}

std::int64_t edge(const JsonObject& size, const char* key) {
    const std::optional<std::int64_t> value = size.integer(key);
    if (value && (*value < 1 || *value > kLargestEdge)) size.wrong(key, "1 to 16384 pixels");
    return value.value_or(0);
}

Size read_size(const JsonObject& config, const char* key, bool square) {
    const nlohmann::json* value = config.find(key);
    if (value->is_number_integer()) {
        const std::int64_t number = edge(config, key);
        return square ? Size{number, number, 0, 0} : Size{0, 0, number, 0};
    }
    if (value->is_array()) {
        const std::vector<std::int64_t> both = config.integers(key);
        const auto fits = [](std::int64_t number) { return number >= 1 && number <= kLargestEdge; };
        if (both.size() != 2 || !std::ranges::all_of(both, fits)) config.wrong(key, "[height, width]");
        return {both[0], both[1], 0, 0};
    }
    if (!value->is_object()) config.wrong(key, "a number, or height and width, or shortest_edge");
    const JsonObject size = *config.object(key);
    for (const std::string& name : size.keys())
        if (size.has(name) && name != "height" && name != "width" && name != "shortest_edge" &&
            name != "longest_edge")
            size.wrong(name, "no such key: height and width, or shortest_edge");
    const Size result{edge(size, "height"), edge(size, "width"), edge(size, "shortest_edge"),
                      edge(size, "longest_edge")};
    const bool exact = result.height > 0 && result.width > 0;
    if (exact == (result.shortest_edge > 0) || (!exact && (result.height > 0 || result.width > 0)))
        config.wrong(key, "height and width, or shortest_edge");
    return result;
}

std::array<float, 3> read_channels(const JsonObject& config, const char* key,
                                   const std::array<double, 3>& otherwise) {
    std::array<double, 3> values = otherwise;
    if (const nlohmann::json* value = config.find(key)) {
        if (value->is_number()) {
            values.fill(*config.number(key));
        } else {
            if (!value->is_array() || value->empty() || (value->size() != 3 && value->size() != 1) ||
                !std::ranges::all_of(*value, [](const auto& one) {
                    return one.is_number() && std::isfinite(one.template get<double>());
                }))
                config.wrong(key, "three numbers");
            for (std::size_t c = 0; c < 3; ++c)
                values[c] = (*value)[value->size() == 1 ? 0 : c].get<double>();
        }
    }
    return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

PicturePreprocessing read_config(const JsonObject& config, const std::string& model_type) {
    const Processor& processor = choose_processor(config, model_type);
    refuse_unknown(config);
    if (config.has("crop_pct") && processor.crop_share == 0.0) config.wrong("crop_pct", "no such key here");
    PicturePreprocessing how;
    how.source = config.file();
    const std::int64_t number = config.integer("resample").value_or(processor.resample);
    const std::optional<Resampling> filter = resampling_from_number(number);
    if (!filter) config.wrong("resample", "0 to 5, one of Pillow's filters");
    how.filter = *filter;
    const bool square = config.boolean("default_to_square").value_or(processor.square);
    if (config.boolean("do_resize").value_or(true))
        how.resize = config.has("size") ? read_size(config, "size", square) : processor.size;
    if (processor.crop_share > 0.0) {
        how.crop_share = config.number("crop_pct").value_or(processor.crop_share);
        if (!(how.crop_share > 0.01 && how.crop_share <= 1.0))
            config.wrong("crop_pct", "above 0.01, at most 1");
        if (how.resize && how.resize->shortest_edge == 0) config.wrong("size", "shortest_edge");
    }
    if (config.boolean("do_center_crop").value_or(processor.crop)) {
        how.crop = config.has("crop_size") ? read_size(config, "crop_size", true) : Size{224, 224, 0, 0};
        if (how.crop->height == 0) config.wrong("crop_size", "height and width");
        if (how.crop_share > 0.0)
            config.wrong("do_center_crop", "false beside crop_pct, which crops already");
    }
    if (config.boolean("do_rescale").value_or(true))
        how.factor = config.number("rescale_factor").value_or(1.0 / 255.0);
    if (config.boolean("do_normalize").value_or(true)) {
        how.normal = {read_channels(config, "image_mean", processor.mean),
                      read_channels(config, "image_std", processor.deviation)};
        if (std::ranges::any_of(how.normal->deviation, [](float value) { return !(value > 0.0f); }))
            config.wrong("image_std", "numbers above 0");
    }
    return how;
}

}  // namespace

PicturePreprocessing read_picture_preprocessing(const Checkpoint& checkpoint, const std::string& model_type) {
    for (const char* name : {"preprocessor_config.json", "processor_config.json"}) {
        const std::string path = file_beside(checkpoint, name);
        if (path.empty()) continue;
        const nlohmann::json json = parse_json(read_text_file(path, kLargestFile), {.file = path});
        const JsonObject whole(json, path);
        if (const auto part = whole.object("image_processor")) return read_config(*part, model_type);
        if (name == std::string_view("preprocessor_config.json")) return read_config(whole, model_type);
    }
    throw Error::input(
        "there is no preprocessor_config.json beside the weights, so how pictures are to be prepared "
        "is not known",
        {.file = checkpoint.source(), .hint = "give preprocessed pictures by --pixels FILE.npy"});
}

}  // namespace deadscope

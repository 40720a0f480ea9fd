// See input_pictures.h.
#include "core/reading/input_pictures.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/npy.h"
#include "core/base/philox.h"
#include "core/checkpoint/checkpoint.h"
#include "core/image/preprocessing.h"
#include "core/image/scenes.h"
#include "core/reading/input_tokens.h"

namespace deadscope {

namespace {

SequenceLayout picture_layout(const PatchInputSpec& patch, std::size_t images) {
    const auto each = static_cast<std::size_t>(patch.tokens_per_image());
    SequenceLayout layout{.starts = {0}};
    for (std::size_t i = 1; i <= images; ++i) layout.starts.push_back(i * each);
    return layout;
}

std::size_t picture_elements(const PatchInputSpec& patch) {
    return static_cast<std::size_t>(patch.channels * patch.image_height * patch.image_width);
}

constexpr std::int64_t kLargestSide = 1 << 14;
constexpr std::uint64_t kMostPixelBytes = std::uint64_t{4} << 30;

PicturePreprocessing how_to_prepare(const Plan& plan, const Checkpoint* checkpoint) {
    if (checkpoint && !checkpoint->source().starts_with("zoo:"))
        return read_picture_preprocessing(*checkpoint, plan.model_type);
    const PatchInputSpec& patch = *plan.patch_input;
    PicturePreprocessing how;
    how.resize = {.height = patch.image_height, .width = patch.image_width};
    how.factor = 1.0 / 255.0;
    how.normal.emplace();
    how.normal->mean.fill(0.5f);
    how.normal->deviation.fill(0.5f);
    return how;
}

// One channel is Pillow's "L": ITU-R 601 luma in 16 fractional bits.
Picture in_channels(Picture picture, std::int64_t channels) {
    if (channels != 1) return picture;
    for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
        std::uint8_t* pixel = picture.rgb.data() + i;
        std::fill_n(pixel, 3,
                    static_cast<std::uint8_t>(
                        (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16));
    }
    return picture;
}

void append_picture(const PatchInputSpec& patch, const PicturePreprocessing& how, Picture picture,
                    const std::string& file, std::vector<float>& pixels) {
    const PixelShape shape = preprocessed_shape(how, picture.width, picture.height);
    const auto wanted_height = static_cast<std::size_t>(patch.image_height);
    const auto wanted_width = static_cast<std::size_t>(patch.image_width);
    if (shape.height != wanted_height || shape.width != wanted_width)
        throw Error::input(
            "the preprocessing gives pictures of another size than the model reads",
            {.file = how.source.empty() ? file : how.source,
             .expected = std::to_string(wanted_height) + " × " + std::to_string(wanted_width),
             .found = std::to_string(shape.height) + " × " + std::to_string(shape.width) + " for " + file});
    preprocess(how, in_channels(std::move(picture), patch.channels), pixels);
    if (patch.channels == 1) pixels.resize(pixels.size() - 2 * shape.height * shape.width);
}

}  // namespace

ModelInput random_pictures(const Plan& plan, const InputSettings& settings) {
    const PatchInputSpec& patch = *plan.patch_input;
    const auto each = static_cast<std::size_t>(patch.tokens_per_image());
    const std::size_t images = (random_count(plan, settings) + each - 1) / each;
    ModelInput input;
    std::vector<double> row(picture_elements(patch));
    const Philox draw(settings.seed, "input pixels");
    for (std::size_t i = 0; i < images; ++i) {
        draw.fill_normal(i * row.size(), row);
        for (const double value : row) input.pixels.push_back(static_cast<float>(value));
    }
    input.layout = picture_layout(patch, images);
    return input;
}

ModelInput pictures_from_array(const Plan& plan, const std::string& path) {
    const PatchInputSpec& patch = *plan.patch_input;
    const NpyArray array = NpyArray::open(path);
    const auto& shape = array.shape();
    const std::vector<std::int64_t> picture{patch.channels, patch.image_height, patch.image_width};
    if (array.type() != NpyType::f4 || shape.size() != 4 || shape[0] <= 0 ||
        !std::equal(picture.begin(), picture.end(), shape.begin() + 1))
        throw Error::input("this array is not pictures for this model",
                           {.file = path,
                            .expected = "float32 [B, " + shape_text(picture).substr(1),
                            .found = array.type_text() + " " + shape_text(shape)});
    ModelInput input;
    input.pixels = array.floats();
    for (std::size_t i = 0; i < input.pixels.size(); ++i)
        if (!std::isfinite(input.pixels[i]))
            throw Error::input("a pixel is not a finite number",
                               {.file = path, .key = "element " + std::to_string(i)});
    input.layout = picture_layout(patch, static_cast<std::size_t>(shape[0]));
    return input;
}

ModelInput pictures_from_files(const Plan& plan, const InputSettings& settings,
                               const Checkpoint* checkpoint) {
    const PatchInputSpec& patch = *plan.patch_input;
    if (patch.channels != 1 && patch.channels != 3)
        throw Error::input("this model's pictures have no colours that a file could hold",
                           {.expected = "1 or 3 channels", .found = std::to_string(patch.channels)});
    const PicturePreprocessing how = how_to_prepare(plan, checkpoint);
    const bool drawn = settings.value == kDrawnScenes;
    const std::vector<std::string> files = drawn ? std::vector<std::string>{} : picture_files(settings.value);
    const auto each = static_cast<std::size_t>(patch.tokens_per_image());
    const std::size_t images = drawn ? (random_count(plan, settings) + each - 1) / each : files.size();
    const std::uint64_t most = kMostPixelBytes / (4 * std::max<std::size_t>(picture_elements(patch), 1));
    if (images > most)
        throw Error::resource("there are more pictures than are held in memory at once",
                              {.file = settings.value,
                               .expected = "at most " + std::to_string(most),
                               .found = std::to_string(images)});
    ModelInput input;
    input.pixels.reserve(images * picture_elements(patch));
    for (std::size_t i = 0; i < images; ++i)
        append_picture(patch, how, drawn ? draw_scene(settings.seed, i) : read_picture(files[i]),
                       drawn ? std::string(kDrawnScenes) : files[i], input.pixels);
    input.layout = picture_layout(patch, images);
    return input;
}

void fit_to_pictures(Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint) {
    PatchInputSpec& patch = *plan.patch_input;
    std::int64_t height = patch.image_height, width = patch.image_width;
    if (settings.kind == InputKind::pixels) {
        const NpyArray array = NpyArray::open(settings.value);
        if (array.shape().size() == 4) {
            height = array.shape()[2];
            width = array.shape()[3];
        }
    } else if (settings.kind == InputKind::images) {
        const bool drawn = settings.value == kDrawnScenes;
        const Picture first =
            drawn ? draw_scene(settings.seed, 0) : read_picture(picture_files(settings.value).front());
        const PixelShape shape =
            preprocessed_shape(how_to_prepare(plan, checkpoint), first.width, first.height);
        height = static_cast<std::int64_t>(shape.height);
        width = static_cast<std::int64_t>(shape.width);
    }
    if (std::min(height, width) < patch.patch || std::max(height, width) > kLargestSide)
        throw Error::input("pictures of this size cannot be read by this model",
                           {.file = settings.value,
                            .expected = "sides from " + std::to_string(patch.patch) + " to " +
                                        std::to_string(kLargestSide) + " pixels",
                            .found = std::to_string(height) + " × " + std::to_string(width)});
    const std::int64_t before = patch.patches();
    patch.image_height = height;
    patch.image_width = width;
    // The family would interpolate here too, which the table's size does not tell.
    if (patch.positions && height != width && patch.patches() == before)
        throw Error::input(
            "pictures of this shape cannot be read by this model",
            {.file = settings.value,
             .expected = "square ones, or another number of patches than " + std::to_string(before),
             .found = std::to_string(height) + " × " + std::to_string(width)});
    plan.context = patch.tokens_per_image();
}

// A patch's row is linear in its pixels, plus what its place adds.
std::size_t independent_patches(const Plan& plan, const ModelInput& input) {
    const PatchInputSpec& spec = *plan.patch_input;
    const auto pixels = static_cast<std::size_t>(spec.channels * spec.patch * spec.patch);
    const std::size_t places = spec.positions ? static_cast<std::size_t>(spec.tokens_per_image()) : 2;
    return std::min(input.tokens(), pixels + places + (spec.norm ? 1 : 0));
}

}  // namespace deadscope

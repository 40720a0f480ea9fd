// See input_pictures.h.
#include "core/reading/input_pictures.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/npy.h"
#include "core/base/philox.h"
#include "core/checkpoint/checkpoint.h"
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

// A patch's row is linear in its pixels, plus what its place adds.
std::size_t independent_patches(const Plan& plan, const ModelInput& input) {
    const PatchInputSpec& spec = *plan.patch_input;
    const auto pixels = static_cast<std::size_t>(spec.channels * spec.patch * spec.patch);
    const std::size_t places = spec.positions ? static_cast<std::size_t>(spec.tokens_per_image()) : 2;
    return std::min(input.tokens(), pixels + places + (spec.norm ? 1 : 0));
}

}  // namespace deadscope

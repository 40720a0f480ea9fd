// From a picture to what a vision model reads: size, crop, scale and normalisation as the checkpoint's
// preprocessor_config.json states them, computed as transformers' PIL processors compute them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/image/picture.h"
#include "core/image/resample.h"

namespace deadscope {

class Checkpoint;

struct PicturePreprocessing {
    std::string source;  // the file it was read from, for messages
    struct Size {
        std::int64_t height = 0, width = 0;  // both, or neither and
        std::int64_t shortest_edge = 0;      // this one, keeping the shape
        std::int64_t longest_edge = 0;       // at most; 0: no matter
    };
    std::optional<Size> resize;
    Resampling filter = Resampling::bilinear;
    double crop_share = 0.0;   // ConvNeXt: below 384, resize to edge/share, then crop to the edge; 0: not so
    std::optional<Size> crop;  // to the centre, height and width; filled with black where it is larger
    std::optional<double> factor;  // of pixels 0 to 255
    struct Normal {
        std::array<float, 3> mean{}, deviation{};
    };
    std::optional<Normal> normal;
};

// preprocessor_config.json, or processor_config.json's "image_processor"; what they leave out has the
// processor's own default. model_type names the processor where the file does not. Errors: no such file, a
// processor or an option that is not known and would change the pixels.
PicturePreprocessing read_picture_preprocessing(const Checkpoint& checkpoint, const std::string& model_type);

struct PixelShape {
    std::size_t height = 0, width = 0;
};
// Of the result, for a picture of this size. Errors: a size that no picture can have.
PixelShape preprocessed_shape(const PicturePreprocessing& how, std::size_t width, std::size_t height);
// Appends [3, height, width] to `out`; as float32 arithmetic of NumPy has it.
PixelShape preprocess(const PicturePreprocessing& how, const Picture& picture, std::vector<float>& out);

}  // namespace deadscope

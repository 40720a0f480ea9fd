// The steps themselves: resize and crop in 8 bits, then scale in double and normalise in float, as NumPy
// does.
#include "core/image/preprocessing.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/error.h"
#include "core/image/decoders.h"

namespace deadscope {
namespace {

using Size = PicturePreprocessing::Size;

constexpr double kLargestEdge = 1 << 16;

// int() of Python for sizes; what no picture can have is refused.
std::size_t whole(double edge, const std::string& source) {
    if (!(edge >= 1.0 && edge <= kLargestEdge))
        throw Error::input("the preprocessing gives the picture an edge that it cannot have",
                           {.file = source, .key = "size", .expected = "1 to 65536 pixels"});
    return static_cast<std::size_t>(edge);
}

// The shape kept, the shorter edge this long.
PixelShape by_shortest(double edge, double raw, double width, double height, const std::string& source) {
    return width < height ? PixelShape{whole(raw * height / width, source), whole(edge, source)}
                          : PixelShape{whole(edge, source), whole(raw * width / height, source)};
}

PixelShape resized_shape(const Size& size, double width, double height, const std::string& source) {
    if (size.shortest_edge == 0)
        return {static_cast<std::size_t>(size.height), static_cast<std::size_t>(size.width)};
    const auto edge = static_cast<double>(size.shortest_edge), most = static_cast<double>(size.longest_edge);
    const double shortest = std::min(width, height), longest = std::max(width, height);
    if (size.longest_edge == 0 || longest / shortest * edge <= most)
        return by_shortest(edge, edge, width, height, source);
    const double raw = most * shortest / longest, even = std::nearbyint(raw);  // Python's round()
    if (shortest == even) return {static_cast<std::size_t>(height), static_cast<std::size_t>(width)};
    return by_shortest(even, raw, width, height, source);
}

struct Steps {
    PixelShape resized, cropped;
};

Steps steps(const PicturePreprocessing& how, std::size_t width, std::size_t height) {
    Steps out{{height, width}, {}};
    const auto w = static_cast<double>(width), h = static_cast<double>(height);
    std::optional<PixelShape> own_crop;
    if (how.resize && how.crop_share > 0.0) {
        const auto edge = static_cast<std::size_t>(how.resize->shortest_edge);
        if (edge < 384) {
            Size larger;
            larger.shortest_edge = static_cast<std::int64_t>(static_cast<double>(edge) / how.crop_share);
            out.resized = resized_shape(larger, w, h, how.source);
            own_crop = {edge, edge};
        } else {
            out.resized = {edge, edge};
        }
    } else if (how.resize) {
        out.resized = resized_shape(*how.resize, w, h, how.source);
    }
    out.cropped = own_crop.value_or(out.resized);
    if (how.crop)
        out.cropped = {static_cast<std::size_t>(how.crop->height), static_cast<std::size_t>(how.crop->width)};
    return out;
}

// The place of the crop's first row or column in the picture; below zero where the picture is smaller, whose
// odd pixel of border then lies before it.
std::int64_t crop_start(std::size_t picture, std::size_t crop) {
    const auto from = static_cast<std::int64_t>(picture), to = static_cast<std::int64_t>(crop);
    return from >= to ? (from - to) / 2 : -((to - from + 1) / 2);
}

}  // namespace

PixelShape preprocessed_shape(const PicturePreprocessing& how, std::size_t width, std::size_t height) {
    return steps(how, width, height).cropped;
}

PixelShape preprocess(const PicturePreprocessing& how, const Picture& picture, std::vector<float>& out) {
    const auto [resized, cropped] = steps(how, picture.width, picture.height);
    check_picture_size(resized.width, resized.height, how.source);
    const Picture whole_picture = resize(picture, resized.width, resized.height, how.filter);
    const std::int64_t top = crop_start(resized.height, cropped.height),
                       left = crop_start(resized.width, cropped.width);
    const std::size_t area = cropped.height * cropped.width, begin = out.size();
    out.resize(begin + 3 * area);
    for (std::size_t c = 0; c < 3; ++c) {
        float table[256];  // of a channel's values
        for (int value = 0; value < 256; ++value) {
            float x = how.factor ? static_cast<float>(value * *how.factor) : static_cast<float>(value);
            if (how.normal) x = (x - how.normal->mean[c]) / how.normal->deviation[c];
            table[value] = x;
        }
        float* to = out.data() + begin + c * area;
        for (std::size_t y = 0; y < cropped.height; ++y) {
            const std::int64_t line = top + static_cast<std::int64_t>(y);
            const bool inside = line >= 0 && line < static_cast<std::int64_t>(resized.height);
            for (std::size_t x = 0; x < cropped.width; ++x) {
                const std::int64_t column = left + static_cast<std::int64_t>(x);
                const bool pixel = inside && column >= 0 && column < static_cast<std::int64_t>(resized.width);
                *to++ = table[pixel ? whole_picture.row(static_cast<std::size_t>(
                                          line))[3 * column + static_cast<std::int64_t>(c)]
                                    : 0];
            }
        }
    }
    return cropped;
}

}  // namespace deadscope

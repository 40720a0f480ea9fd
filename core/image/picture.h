// Pictures as people have them: PNG and JPEG files to 8-bit RGB, upright, as Pillow's convert("RGB") gives
// them. What a model wants of them is preprocessing.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace deadscope {

struct Picture {
    std::size_t width = 0, height = 0;
    std::vector<std::uint8_t> rgb;  // [height, width, 3]
    std::uint8_t* row(std::size_t y) { return rgb.data() + y * width * 3; }
    const std::uint8_t* row(std::size_t y) const { return rgb.data() + y * width * 3; }
};

// The kind is read off the first bytes, not the name. Transparency is dropped, the first picture of an
// animation is taken, and the Exif orientation is applied, as transformers does with a picture that is given
// by its path. Errors: neither PNG nor JPEG, a damaged or short file, more pixels than a picture has.
Picture read_picture(const std::string& path);

// The pictures of a folder, by name (bytewise), or the one file that `path` is. Errors: a folder without any.
std::vector<std::string> picture_files(const std::string& path);

// Exif's tag 274, 1 to 8; 1 where there is none or it is damaged. exif: a TIFF header and what follows.
int exif_orientation(const std::uint8_t* exif, std::size_t size);
// The picture turned so that it stands as orientation 1.
Picture upright(Picture picture, int orientation);

}  // namespace deadscope

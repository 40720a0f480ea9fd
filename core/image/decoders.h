// The two decoders behind read_picture: libpng and libjpeg-turbo, each kept in its own .cpp.
#pragma once

#include <string>
#include <string_view>

#include "core/image/picture.h"

namespace deadscope {

struct DecodedPicture {
    Picture picture;
    int orientation = 1;  // Exif's
};
// bytes: the whole file. file: for messages. Errors: as read_picture.
DecodedPicture decode_png(std::string_view bytes, const std::string& file);
DecodedPicture decode_jpeg(std::string_view bytes, const std::string& file);

// Twice what Pillow warns at: more is a file made to fill memory. Errors: Error::input.
void check_picture_size(std::size_t width, std::size_t height, const std::string& file);

}  // namespace deadscope

// A picture as a PNG file that says where it comes from.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace deadscope {

using PngText = std::pair<std::string, std::string>;  // keyword of the PNG specification, UTF-8 text

// rgb: [height, width, 3], top row first. Written beside `path` and renamed.
// Errors: as OutputFile; Error::resource where the encoder fails.
void write_png(const std::string& path, std::span<const unsigned char> rgb, int width, int height,
               const std::vector<PngText>& texts);

}  // namespace deadscope

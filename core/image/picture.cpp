// See picture.h: which decoder, which way up, and the files of a folder.
#include "core/image/picture.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "core/image/decoders.h"

namespace deadscope {
namespace {

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 28;  // bytes; cameras stay far below
constexpr std::size_t kMostPixels = 178'956'970;                // Pillow's "decompression bomb"

bool has_picture_name(const std::filesystem::path& path) {
    std::string suffix = path.extension().string();
    std::ranges::transform(suffix, suffix.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg";
}

}  // namespace

void check_picture_size(std::size_t width, std::size_t height, const std::string& file) {
    if (width > 0 && height > 0 && width <= kMostPixels / height) return;
    throw Error::input("this picture has no size that can be read",
                       {.file = file,
                        .expected = "1 to " + std::to_string(kMostPixels) + " pixels",
                        .found = std::to_string(width) + " × " + std::to_string(height)});
}

Picture read_picture(const std::string& path) {
    const std::string bytes = read_text_file(path, kLargestFile);
    using namespace std::string_view_literals;
    if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) {
        DecodedPicture decoded = decode_png(bytes, path);
        return upright(std::move(decoded.picture), decoded.orientation);
    }
    if (bytes.starts_with("\xff\xd8\xff"sv)) {
        DecodedPicture decoded = decode_jpeg(bytes, path);
        return upright(std::move(decoded.picture), decoded.orientation);
    }
    throw Error::input("this file is neither a PNG nor a JPEG picture", {.file = path});
}

std::vector<std::string> picture_files(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error, ignored;
    if (!fs::is_directory(path, error)) return {path};
    std::vector<std::string> files;
    fs::directory_iterator entry(path, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error))
        if (has_picture_name(entry->path()) && !entry->is_directory(ignored))
            files.push_back(entry->path().string());
    if (error) throw Error::input("the folder cannot be read", {.file = path});
    if (files.empty())
        throw Error::input("there are no pictures in this folder",
                           {.file = path, .expected = "files that end in .png, .jpg or .jpeg"});
    std::ranges::sort(files);
    return files;
}

// TIFF 6.0: byte order, 42, the offset of the first directory; its entries are tag, type, count, value.
int exif_orientation(const std::uint8_t* exif, std::size_t size) {
    if (size < 8) return 1;
    const bool little = exif[0] == 'I' && exif[1] == 'I';
    if (!little && !(exif[0] == 'M' && exif[1] == 'M')) return 1;
    const auto number = [&](std::size_t at, std::size_t bytes) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            const std::size_t place = little ? bytes - 1 - i : i;
            value = value << 8 | exif[at + place];
        }
        return value;
    };
    const std::size_t directory = number(4, 4);
    if (number(2, 2) != 42 || directory > size - 2) return 1;
    const std::size_t entries = std::min<std::size_t>(number(directory, 2), (size - directory - 2) / 12);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t entry = directory + 2 + 12 * i;
        if (number(entry, 2) != 274 || number(entry + 2, 2) != 3) continue;
        const std::uint32_t value = number(entry + 8, 2);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Picture upright(Picture from, int orientation) {
    if (orientation <= 1 || orientation > 8) return from;
    const bool swapped = orientation >= 5;  // rows stand as columns
    const bool right_to_left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool bottom_up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Picture to{.width = swapped ? from.height : from.width,
               .height = swapped ? from.width : from.height,
               .rgb = std::vector<std::uint8_t>(from.rgb.size())};
    for (std::size_t y = 0; y < to.height; ++y) {
        for (std::size_t x = 0; x < to.width; ++x) {
            const std::size_t column = swapped ? y : x, line = swapped ? x : y;
            const std::uint8_t* pixel = from.row(bottom_up ? from.height - 1 - line : line) +
                                        3 * (right_to_left ? from.width - 1 - column : column);
            std::copy_n(pixel, 3, to.row(y) + 3 * x);
        }
    }
    return to;
}

}  // namespace deadscope

// PNG by libpng. Its errors come by longjmp, so the function that is jumped out of owns nothing; no gamma is
// applied, and depths become 8 bits, as Pillow does it.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/image/decoders.h"

namespace deadscope {
namespace {

struct Reader {
    std::string_view bytes;
    std::size_t at = 0;
    Picture picture;
    std::vector<std::uint8_t> raw;  // rows as libpng gives them
    std::vector<png_bytep> rows;
    std::size_t row_bytes = 0;
    bool wide_grey = false;  // two bytes a pixel, most significant first
    int orientation = 1;
    char message[120] = {};
    png_structp png = nullptr;
    png_infop info = nullptr;
    ~Reader() { png_destroy_read_struct(png ? &png : nullptr, info ? &info : nullptr, nullptr); }
};

void on_read(png_structp png, png_bytep to, std::size_t count) {
    auto& reader = *static_cast<Reader*>(png_get_io_ptr(png));
    if (count > reader.bytes.size() - reader.at) png_error(png, "the file ends too early");
    std::memcpy(to, reader.bytes.data() + reader.at, count);
    reader.at += count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
    auto& reader = *static_cast<Reader*>(png_get_error_ptr(png));
    std::strncpy(reader.message, message, sizeof reader.message - 1);
    png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

// False where libpng gave up; its words are in reader.message.
[[gnu::noinline]] bool read_header(Reader& reader) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_set_read_fn(reader.png, &reader, on_read);
    png_set_user_limits(reader.png, 1'000'000, 1'000'000);
    png_read_info(reader.png, reader.info);
    return true;
}

// The conversions to 8-bit RGB. Pillow keeps 16-bit grey, and clips it when it makes RGB of it.
[[gnu::noinline]] bool choose_conversions(Reader& reader) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    const int depth = png_get_bit_depth(reader.png, reader.info);
    const int colour = png_get_color_type(reader.png, reader.info);
    reader.wide_grey = depth == 16 && colour == PNG_COLOR_TYPE_GRAY;
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(reader.png);
    if (depth == 16 && !reader.wide_grey) png_set_strip_16(reader.png);
    if (!reader.wide_grey) {
        png_set_strip_alpha(reader.png);
        if ((colour & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(reader.png);
    }
    png_set_interlace_handling(reader.png);
    png_read_update_info(reader.png, reader.info);
    reader.row_bytes = png_get_rowbytes(reader.png, reader.info);
    return true;
}

[[gnu::noinline]] bool read_pixels(Reader& reader) {
    if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
    png_read_image(reader.png, reader.rows.data());
    png_read_end(reader.png, reader.info);
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(reader.png, reader.info, &size, &exif) != 0)
        reader.orientation = exif_orientation(exif, size);
    return true;
}

void widen_grey(Reader& reader) {
    reader.picture.rgb.resize(reader.picture.width * reader.picture.height * 3);
    for (std::size_t i = 0; i < reader.picture.width * reader.picture.height; ++i) {
        const std::uint8_t high = reader.raw[2 * i], low = reader.raw[2 * i + 1];
        std::fill_n(reader.picture.rgb.data() + 3 * i, 3, high == 0 ? low : std::uint8_t{255});
    }
}

}  // namespace

DecodedPicture decode_png(std::string_view bytes, const std::string& file) {
    Reader reader;
    reader.bytes = bytes;
    reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    if (reader.png) reader.info = png_create_info_struct(reader.png);
    if (!reader.info) throw Error::resource("not enough memory to read a picture", {.file = file});
    const auto damaged = [&] {
        return Error::input("this PNG picture is damaged",
                            {.file = file, .found = printable(reader.message)});
    };
    if (!read_header(reader)) throw damaged();
    Picture& picture = reader.picture;
    picture.width = png_get_image_width(reader.png, reader.info);
    picture.height = png_get_image_height(reader.png, reader.info);
    check_picture_size(picture.width, picture.height, file);
    if (!choose_conversions(reader)) throw damaged();
    if (reader.row_bytes != picture.width * (reader.wide_grey ? 2 : 3))
        throw Error::input("this PNG picture has a kind of pixels that is not read", {.file = file});
    reader.raw.resize(reader.row_bytes * picture.height);
    for (std::size_t y = 0; y < picture.height; ++y)
        reader.rows.push_back(reader.raw.data() + y * reader.row_bytes);
    if (!read_pixels(reader)) throw damaged();
    if (reader.wide_grey)
        widen_grey(reader);
    else
        picture.rgb = std::move(reader.raw);
    return {std::move(picture), reader.orientation};
}

}  // namespace deadscope

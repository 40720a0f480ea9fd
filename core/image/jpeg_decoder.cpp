// JPEG by libjpeg-turbo, with the settings that Pillow leaves at their defaults (slow integer DCT, smooth
// upsampling). Errors come by longjmp, so the function that is jumped out of owns nothing.
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include <jerror.h>

#include <csetjmp>
#include <cstring>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/image/decoders.h"

namespace deadscope {
namespace {

struct Reader {
    jpeg_decompress_struct info{};
    jpeg_error_mgr errors{};
    std::jmp_buf back;
    char message[JMSG_LENGTH_MAX] = {};
    bool cut_short = false;
    bool created = false;
    Picture picture;
    std::vector<std::uint8_t> line;  // of four channels, where the file has them
    int orientation = 1;
    ~Reader() {
        if (created) jpeg_destroy_decompress(&info);
    }
};

Reader& reader_of(j_common_ptr common) {
    return *static_cast<Reader*>(common->client_data);
}

[[noreturn]] void on_error(j_common_ptr common) {
    Reader& reader = reader_of(common);
    common->err->format_message(common, reader.message);
    std::longjmp(reader.back, 1);
}

void on_message(j_common_ptr common, int level) {
    if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF) reader_of(common).cut_short = true;
}

void no_output(j_common_ptr) {}

[[gnu::noinline]] bool read_header(Reader& reader, std::string_view bytes) {
    if (setjmp(reader.back) != 0) return false;
    jpeg_create_decompress(&reader.info);
    reader.created = true;
    reader.info.client_data = &reader;
    jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&reader.info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&reader.info, TRUE);
    for (jpeg_saved_marker_ptr marker = reader.info.marker_list; marker; marker = marker->next) {
        if (marker->data_length > 6 && std::memcmp(marker->data, "Exif\0\0", 6) == 0) {
            reader.orientation = exif_orientation(marker->data + 6, marker->data_length - 6);
            break;
        }
    }
    return true;
}

// Stored inverted, as Adobe's programs do and Pillow always assumes; then Pillow's own rounding of ink to
// light: k - (k · c) / 255.
void ink_to_rgb(const std::uint8_t* ink, std::size_t width, std::uint8_t* rgb) {
    for (std::size_t x = 0; x < width; ++x) {
        const int light = ink[4 * x + 3];  // 255 - black
        for (std::size_t c = 0; c < 3; ++c) {
            const int product = (255 - ink[4 * x + c]) * light + 128;
            const int value = light - (((product >> 8) + product) >> 8);
            rgb[3 * x + c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
        }
    }
}

[[gnu::noinline]] bool read_pixels(Reader& reader) {
    if (setjmp(reader.back) != 0) return false;
    jpeg_start_decompress(&reader.info);
    while (reader.info.output_scanline < reader.info.output_height) {
        const std::size_t y = reader.info.output_scanline;
        JSAMPROW row = reader.line.empty() ? reader.picture.row(y) : reader.line.data();
        jpeg_read_scanlines(&reader.info, &row, 1);
        if (!reader.line.empty()) ink_to_rgb(reader.line.data(), reader.picture.width, reader.picture.row(y));
    }
    jpeg_finish_decompress(&reader.info);
    return true;
}

}  // namespace

DecodedPicture decode_jpeg(std::string_view bytes, const std::string& file) {
    Reader reader;
    reader.info.err = jpeg_std_error(&reader.errors);
    reader.info.client_data = &reader;  // kept by jpeg_create_decompress
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    reader.errors.output_message = no_output;
    const auto damaged = [&] {
        return Error::input("this JPEG picture is damaged",
                            {.file = file, .found = printable(reader.message)});
    };
    if (!read_header(reader, bytes)) throw damaged();
    Picture& picture = reader.picture;
    picture.width = reader.info.image_width;
    picture.height = reader.info.image_height;
    check_picture_size(picture.width, picture.height, file);
    const int channels = reader.info.num_components;
    if (channels != 1 && channels != 3 && channels != 4)
        throw Error::input(
            "this JPEG picture has a kind of pixels that is not read",
            {.file = file, .expected = "1, 3 or 4 channels", .found = std::to_string(channels)});
    reader.info.out_color_space = channels == 4 ? JCS_CMYK : JCS_RGB;  // grey is copied to all three
    if (channels == 4) reader.line.resize(picture.width * 4);
    picture.rgb.resize(picture.width * picture.height * 3);
    if (!read_pixels(reader)) throw damaged();
    if (reader.cut_short)
        throw Error::input("this JPEG picture ends too early", {.file = file, .hint = "download it again"});
    return {std::move(picture), reader.orientation};
}

}  // namespace deadscope

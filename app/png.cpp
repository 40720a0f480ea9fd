// libpng with its output into memory; see png.h.
#include "app/png.h"

#include <png.h>

#include <cstddef>

#include "core/base/error.h"
#include "core/base/output_file.h"

namespace deadscope {
namespace {

// libpng reports by longjmp over frames of ours; an exception from its callback does the same and unwinds.
[[noreturn]] void on_error(png_structp, png_const_charp message) {
    throw Error::resource(std::string("the picture could not be encoded: ") + message);
}
void on_warning(png_structp, png_const_charp) {}

void append(png_structp png, png_bytep bytes, std::size_t count) {
    auto& out = *static_cast<std::vector<unsigned char>*>(png_get_io_ptr(png));
    out.insert(out.end(), bytes, bytes + count);
}

struct Writer {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_error, on_warning);
    png_infop info = png_create_info_struct(png);
    ~Writer() { png_destroy_write_struct(&png, &info); }
};

}  // namespace

void write_png(const std::string& path, std::span<const unsigned char> rgb, int width, int height,
               const std::vector<PngText>& texts) {
    OutputFile file(path);
    std::vector<unsigned char> bytes;
    Writer writer;
    png_set_write_fn(writer.png, &bytes, append, nullptr);
    png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    std::vector<png_text> entries(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        entries[i].compression = PNG_ITXT_COMPRESSION_NONE;
        entries[i].key = const_cast<char*>(texts[i].first.c_str());  // libpng copies both
        entries[i].text = const_cast<char*>(texts[i].second.c_str());
        entries[i].itxt_length = texts[i].second.size();
    }
    png_set_text(writer.png, writer.info, entries.data(), static_cast<int>(entries.size()));
    png_write_info(writer.png, writer.info);
    const auto row_bytes = static_cast<std::size_t>(width) * 3;
    for (std::size_t row = 0; row < static_cast<std::size_t>(height); ++row) {
        png_write_row(writer.png, rgb.subspan(row * row_bytes, row_bytes).data());
    }
    png_write_end(writer.png, writer.info);
    file.write(std::as_bytes(std::span(bytes)));
    file.commit();
}

}  // namespace deadscope

// See wave.h. The file is walked chunk by chunk (Microsoft and IBM, Multimedia Programming Interface 1.0,
// with WAVE_FORMAT_EXTENSIBLE); every size is held against the file's.
#include "core/sound/wave.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/mapped_file.h"

namespace deadscope {
namespace {

constexpr std::uint64_t kMostFrames = std::uint64_t{1}
                                      << 28;  // one GiB of samples, an hour and a half at 48 kHz
constexpr std::int64_t kMostChannels = 64, kHighestRate = 1'000'000;

std::uint64_t little(const char* bytes, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = count; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
    return value;
}

struct Format {
    std::int64_t coding = 0;  // 1 PCM, 3 floats
    std::int64_t channels = 0, rate = 0, bits = 0;
    std::size_t bytes() const { return static_cast<std::size_t>(bits / 8); }
    std::size_t frame() const { return bytes() * static_cast<std::size_t>(channels); }
};

Format read_format(const std::string& chunk, const std::string& file) {
    if (chunk.size() < 16)
        throw Error::input("this sound file's format is cut short", {.file = file, .key = "fmt"});
    Format format{.coding = static_cast<std::int64_t>(little(chunk.data(), 2)),
                  .channels = static_cast<std::int64_t>(little(chunk.data() + 2, 2)),
                  .rate = static_cast<std::int64_t>(little(chunk.data() + 4, 4)),
                  .bits = static_cast<std::int64_t>(little(chunk.data() + 14, 2))};
    constexpr std::int64_t extensible = 0xfffe;
    if (format.coding == extensible && chunk.size() >= 26)
        format.coding = static_cast<std::int64_t>(little(chunk.data() + 24, 2));
    const bool pcm = format.coding == 1 &&
                     (format.bits == 8 || format.bits == 16 || format.bits == 24 || format.bits == 32);
    const bool floats = format.coding == 3 && (format.bits == 32 || format.bits == 64);
    if (!pcm && !floats)
        throw Error::input("this sound file's coding is not read",
                           {.file = file,
                            .expected = "PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64",
                            .found = "coding " + std::to_string(format.coding) + ", " +
                                     std::to_string(format.bits) + " bits"});
    if (format.channels < 1 || format.channels > kMostChannels || format.rate < 1 ||
        format.rate > kHighestRate)
        throw Error::input(
            "this sound file's format is not one",
            {.file = file,
             .expected = "1 to 64 channels, 1 to 1000000 samples a second",
             .found = std::to_string(format.channels) + " channels, " + std::to_string(format.rate)});
    return format;
}

double sample(const char* bytes, const Format& format) {
    const std::uint64_t value = little(bytes, format.bytes());
    if (format.coding == 3)
        return format.bits == 32
                   ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(value)))
                   : std::bit_cast<double>(value);
    if (format.bits == 8) return (static_cast<double>(value) - 128.0) / 128.0;
    // Shifted to the top of 32 bits, so that the sign stands where it belongs.
    const auto whole = static_cast<std::int32_t>(static_cast<std::uint32_t>(value << (32 - format.bits)));
    return static_cast<double>(whole) / 2147483648.0;
}

std::vector<float> read_samples(const MappedFile& file, const Format& format, std::uint64_t offset,
                                std::uint64_t size) {
    const std::uint64_t frames = size / format.frame();
    if (frames == 0) throw Error::input("there is no sound in this file", {.file = file.path()});
    if (frames > kMostFrames)
        throw Error::resource("this sound is longer than is read at once",
                              {.file = file.path(),
                               .expected = "at most " + std::to_string(kMostFrames) + " samples",
                               .found = std::to_string(frames)});
    std::vector<float> samples(frames);
    const auto channels = static_cast<std::size_t>(format.channels);
    constexpr std::uint64_t step = 1u << 16;
    for (std::uint64_t first = 0; first < frames; first += step) {
        const std::uint64_t count = std::min(step, frames - first);
        const std::string bytes = file.text(offset + first * format.frame(), count * format.frame(), "data");
        for (std::uint64_t i = 0; i < count; ++i) {
            double sum = 0.0;
            for (std::size_t c = 0; c < channels; ++c)
                sum += sample(bytes.data() + i * format.frame() + c * format.bytes(), format);
            const auto mean = static_cast<float>(sum / static_cast<double>(channels));
            if (!std::isfinite(mean))
                throw Error::input("a sample is not a finite number",
                                   {.file = file.path(), .key = "sample " + std::to_string(first + i)});
            samples[first + i] = mean;
        }
    }
    return samples;
}

}  // namespace

Sound read_wave(const std::string& path) {
    const auto file = MappedFile::open(path);
    if (file->size() < 12) throw Error::input("this is not a WAVE file", {.file = path});
    const std::string head = file->text(0, 12);
    if (head.substr(0, 4) != "RIFF" || head.substr(8, 4) != "WAVE")
        throw Error::input("this is not a WAVE file",
                           {.file = path, .hint = "convert the sound to .wav first"});
    Format format;
    for (std::uint64_t at = 12; file->size() - at >= 8;) {
        const std::string header = file->text(at, 8);
        std::uint64_t size = little(header.data() + 4, 4);
        at += 8;
        const std::string name = header.substr(0, 4);
        // A program that writes into a pipe cannot come back to put the length in.
        if (name == "data" && size == 0xffffffff) size = file->size() - at;
        if (size > file->size() - at)
            throw Error::input("this sound file ends too early",
                               {.file = path,
                                .key = name == "data" ? "data" : "chunk",
                                .offset = at,
                                .expected = std::to_string(size) + " bytes",
                                .found = std::to_string(file->size() - at)});
        if (name == "fmt ") format = read_format(file->text(at, std::min<std::uint64_t>(size, 40)), path);
        if (name == "data") {
            if (format.coding == 0)
                throw Error::input("this sound file has no format", {.file = path, .key = "fmt"});
            return {.rate = format.rate, .samples = read_samples(*file, format, at, size)};
        }
        at += size;
        if (size % 2 == 1 && at < file->size()) ++at;  // chunks begin at even places
    }
    throw Error::input("there is no sound in this file", {.file = path, .key = "data"});
}

}  // namespace deadscope

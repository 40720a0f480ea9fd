// A checkpoint's tokenizer for other programs: texts in, ids out. tokenizer_fuzz.py compares them with the
// package's.
//   deadscope_tokenizer_ids FOLDER|FILE.gguf [--special] < texts > ids
// Each text is its length in bytes (u32, little-endian) and its bytes; each answer the number of ids (u32)
// and the ids (i32), or 0xFFFFFFFF, the length of a message (u32) and the message.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/gguf.h"
#include "core/text/tokenizer.h"

namespace {

namespace fs = std::filesystem;
using namespace deadscope;

// Without weights where there are none: a tokenizer's folder may hold nothing else.
Checkpoint checkpoint_of(const std::string& path) {
    std::vector<std::unique_ptr<WeightsFile>> files;
    std::shared_ptr<const nlohmann::json> config;
    if (path.ends_with(".gguf")) files.push_back(open_gguf(MappedFile::open(path)));
    if (fs::exists(fs::path(path) / "config.json")) {
        const std::string file = (fs::path(path) / "config.json").string();
        config =
            std::make_shared<const nlohmann::json>(parse_json(read_text_file(file, 1 << 24), {.file = file}));
    }
    Checkpoint checkpoint(path, path, std::move(config), std::move(files));
    if (fs::is_directory(path)) checkpoint.set_folder(path);
    return checkpoint;
}

void write_number(std::uint32_t value) {
    std::fwrite(&value, sizeof value, 1, stdout);
}

void answer(const Tokenizer& tokenizer, const std::string& text, bool special) {
    try {
        const std::vector<std::int32_t> ids = tokenizer.encode(text, special);
        write_number(static_cast<std::uint32_t>(ids.size()));
        std::fwrite(ids.data(), sizeof ids[0], ids.size(), stdout);
    } catch (const Error& error) {
        write_number(0xFFFFFFFF);
        write_number(static_cast<std::uint32_t>(error.message().size()));
        std::fwrite(error.message().data(), 1, error.message().size(), stdout);
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) return 2;
    const bool special = count > 2 && std::string_view(arguments[2]) == "--special";
    try {
        const auto tokenizer = open_tokenizer(checkpoint_of(arguments[1]));
        std::uint32_t length = 0;
        while (std::fread(&length, sizeof length, 1, stdin) == 1) {
            std::string text(length, '\0');
            if (length > 0 && std::fread(text.data(), 1, length, stdin) != length) return 2;
            answer(*tokenizer, text, special);
        }
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.message().c_str());
        return 1;
    }
    return 0;
}

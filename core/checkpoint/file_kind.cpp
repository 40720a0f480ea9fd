// See file_kind.h.
#include "core/checkpoint/file_kind.h"

#include <algorithm>
#include <cstring>

namespace deadscope {

FileKind file_kind(const MappedFile& file) {
    constexpr std::uint64_t enough = 512;
    const std::string bytes = file.text(0, std::min<std::uint64_t>(file.size(), enough));
    const std::string_view start = bytes;
    if (start.empty()) return FileKind::empty;
    if (start.starts_with("version https://git-lfs")) return FileKind::git_lfs;
    if (start.starts_with("GGUF")) return FileKind::gguf;
    if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return FileKind::zip;
    if (start.starts_with("\x89HDF")) return FileKind::hdf5;
    if (start.starts_with("\x93NUMPY")) return FileKind::numpy;
    if (start.size() > 9 && start[8] == '{') {
        std::uint64_t length = 0;  // of a safetensors header, which a file's size bounds
        std::memcpy(&length, start.data(), sizeof(length));
        if (length < file.size()) return FileKind::safetensors;
    }
    if (start[0] == '\x80' && start.size() > 1 && start[1] >= 0 && start[1] <= 5) return FileKind::pickle;
    if (start.size() > 262 && start.substr(257, 5) == "ustar") return FileKind::tar;
    const std::size_t text = start.find_first_not_of(" \t\r\n");
    if (text != std::string_view::npos && start[text] == '<') return FileKind::html;
    if (text != std::string_view::npos && start[text] == '{') return FileKind::json;
    return FileKind::unknown;
}

std::string file_kind_words(FileKind kind) {
    switch (kind) {
        case FileKind::empty:
            return "an empty file";
        case FileKind::safetensors:
            return "a safetensors file";
        case FileKind::gguf:
            return "a GGUF file";
        case FileKind::zip:
            return "a zip archive, as PyTorch's .bin and .pt files are";
        case FileKind::pickle:
            return "a Python pickle";
        case FileKind::tar:
            return "a tar archive, as PyTorch wrote before version 0.1.10";
        case FileKind::numpy:
            return "a NumPy array";
        case FileKind::hdf5:
            return "an HDF5 file";
        case FileKind::git_lfs:
            return "a Git LFS pointer, not the weights themselves";
        case FileKind::html:
            return "an HTML or XML page, as a failed download leaves it";
        case FileKind::json:
            return "a JSON text";
        case FileKind::unknown:
            break;
    }
    return {};
}

std::string file_kind_hint(FileKind kind) {
    if (kind == FileKind::git_lfs) return "Run 'git lfs pull' in its folder, or download the file itself.";
    if (kind == FileKind::html) return "Download the file again.";
    if (kind == FileKind::tar) return "Load it with torch.load() and save it again.";
    if (kind == FileKind::numpy) return "Activations are read by 'deadscope read FILE --gamma G'.";
    return {};
}

}  // namespace deadscope

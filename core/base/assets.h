// The files the program carries inside itself: built-in models, architecture data, shaders, fonts.
// The table is written by core/assets.cmake; what a file means is left to whoever reads it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace deadscope {

// One embedded file. Both views live as long as the program and may be read from any thread.
struct Asset {
    std::string_view path;             // relative to the repository: "shaders/heatmap.frag"
    std::span<const std::byte> bytes;  // the file as it is, aligned to 64 bytes, followed by a zero byte
};

// All embedded files, ordered by path.
std::span<const Asset> assets();

// The file of this path, or nullptr.
const Asset* find_asset(std::string_view path);

// The bytes as text, for files that are text.
inline std::string_view asset_text(const Asset& asset) {
    return {reinterpret_cast<const char*>(asset.bytes.data()), asset.bytes.size()};
}

}  // namespace deadscope

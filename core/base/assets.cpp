// Looks up embedded files by path. The bytes and the unsorted table come from the build (core/assets.cmake).
#include "core/base/assets.h"

#include <algorithm>
#include <vector>

namespace deadscope {

namespace detail {
std::span<const Asset> embedded_assets();
}

std::span<const Asset> assets() {
    static const std::vector<Asset> sorted = [] {
        const std::span<const Asset> table = detail::embedded_assets();
        std::vector<Asset> rows(table.begin(), table.end());
        std::ranges::sort(rows, {}, &Asset::path);
        return rows;
    }();
    return sorted;
}

const Asset* find_asset(std::string_view path) {
    const std::span<const Asset> all = assets();
    const auto found = std::ranges::lower_bound(all, path, {}, &Asset::path);
    return found != all.end() && found->path == path ? &*found : nullptr;
}

}  // namespace deadscope

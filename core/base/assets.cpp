// Looks up embedded files by path. The bytes and the table, sorted by path, come from the build
// (core/assets.cmake).
#include "core/base/assets.h"

#include <algorithm>
#include <cassert>

namespace deadscope {

namespace detail {
std::span<const Asset> embedded_assets();
}

std::span<const Asset> assets() {
    static const std::span<const Asset> table = [] {
        const std::span<const Asset> rows = detail::embedded_assets();
        assert(std::ranges::is_sorted(rows, {}, &Asset::path));
        return rows;
    }();
    return table;
}

const Asset* find_asset(std::string_view path) {
    const std::span<const Asset> all = assets();
    const auto found = std::ranges::lower_bound(all, path, {}, &Asset::path);
    return found != all.end() && found->path == path ? &*found : nullptr;
}

}  // namespace deadscope

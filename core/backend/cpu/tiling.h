// How the products of linear maps are shared out over threads.
#pragma once

#include <algorithm>
#include <cstddef>

namespace deadscope::cpu {

// How a product is shared out: `across` panels of outputs, of which each thread brings in its own, by `down`
// strips of rows.
struct Tiling {
    std::size_t width = 0, height = 0, across = 0, down = 0;
    std::size_t tiles() const { return across * down; }
};

inline Tiling tiles_of(std::size_t rows, std::size_t out, std::size_t in, std::size_t threads) {
    if (rows == 0 || out == 0) return {};
    // Of 512 outputs by all rows a product runs within a tenth of its best rate; 2^20 elements of a panel
    // stay in the last cache.
    constexpr std::size_t widest = 512, narrowest = 64, least_rows = 128, panel_elements = 1u << 20,
                          even = 16;
    const auto share = [](std::size_t all, std::size_t parts) { return (all + parts - 1) / parts; };
    const std::size_t most = std::clamp(panel_elements / std::max<std::size_t>(in, 1), narrowest, widest);
    Tiling tiling;
    // A multiple of the threads, unless that makes the panels narrow; then the rows are shared out too.
    tiling.across = share(share(out, most), threads) * threads;
    if (share(out, tiling.across) < narrowest) tiling.across = share(out, narrowest);
    tiling.width = share(share(out, tiling.across), even) * even;
    tiling.across = share(out, tiling.width);
    const std::size_t wanted = tiling.across >= threads ? 1 : share(threads, tiling.across);
    tiling.down = std::clamp<std::size_t>(rows / least_rows, 1, wanted);
    tiling.height = share(rows, tiling.down);
    return tiling;
}

}  // namespace deadscope::cpu

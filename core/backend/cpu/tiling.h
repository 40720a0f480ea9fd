// How the products of linear maps are shared out over threads.
#pragma once

#include <algorithm>
#include <cstddef>

namespace deadscope::cpu {

// How a product is shared out: `across` panels of outputs, of which each thread brings in its own, by `down`
// strips of rows. A panel of long rows is brought in and multiplied in parts of `depth` inputs.
struct Tiling {
    std::size_t width = 0, height = 0, across = 0, down = 0, depth = 0;
    std::size_t tiles() const { return across * down; }
};

inline Tiling tiles_of(std::size_t rows, std::size_t out, std::size_t in, std::size_t threads) {
    if (rows == 0 || out == 0) return {};
    // From 256 outputs by 2048 inputs on a product runs at its best rate, and threads end soon after each
    // other; 2^20 elements of a panel stay in the last cache. No part begins inside a block of quantised
    // elements.
    constexpr std::size_t widest = 256, narrowest = 64, least_rows = 128, panel_elements = 1u << 20,
                          even = 16, block = 256;
    const auto share = [](std::size_t all, std::size_t parts) { return (all + parts - 1) / parts; };
    Tiling tiling;
    // A multiple of the threads, unless that makes the panels narrow; then the rows are shared out too.
    tiling.across = share(share(out, widest), threads) * threads;
    if (share(out, tiling.across) < narrowest) tiling.across = share(out, narrowest);
    tiling.width = share(share(out, tiling.across), even) * even;
    tiling.across = share(out, tiling.width);
    const std::size_t wanted = tiling.across >= threads ? 1 : share(threads, tiling.across);
    tiling.down = std::clamp<std::size_t>(rows / least_rows, 1, wanted);
    tiling.height = share(rows, tiling.down);
    const std::size_t parts = std::max<std::size_t>(1, share(in * tiling.width, panel_elements));
    tiling.depth = std::max<std::size_t>(1, share(share(in, parts), block)) * block;
    return tiling;
}

}  // namespace deadscope::cpu

// How the products of linear maps are shared out over threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace deadscope::cpu {

// How a product is shared out: panels of outputs, of which each thread brings in its own, by `down` strips of
// rows. A panel of long rows is brought in and multiplied in parts of `depth` inputs.
struct Tiling {
    std::vector<std::size_t> panels;  // where each begins, and where the last one ends
    std::size_t height = 0, down = 0, depth = 0;
    std::size_t tiles() const { return panels.empty() ? 0 : (panels.size() - 1) * down; }
};

inline Tiling tiles_of(std::size_t rows, std::size_t out, std::size_t in, std::size_t threads) {
    if (rows == 0 || out == 0) return {};
    // From 256 outputs by 2048 inputs on a product runs near its best rate, and threads end soon after each
    // other; while there is much left to do panels are wider, since the rows are packed for each of them.
    // 2^20 elements of a panel stay in the last cache. No part begins inside a block of quantised elements.
    constexpr std::size_t widest = 512, wide = 256, narrowest = 64, least_rows = 128,
                          panel_elements = 1u << 20, even = 16, block = 256;
    const auto share = [](std::size_t all, std::size_t parts) { return (all + parts - 1) / parts; };
    Tiling tiling;
    // A multiple of the threads, unless that makes the panels narrow; then the rows are shared out too.
    std::size_t across = share(share(out, wide), threads) * threads;
    if (share(out, across) < narrowest) across = share(out, narrowest);
    const std::size_t last_ones = share(share(out, across), even) * even;
    std::size_t most = 0;
    for (std::size_t left = 0; left < out; left += most) {
        tiling.panels.push_back(left);
        most = std::clamp((out - left) / threads / even * even, last_ones, std::max(last_ones, widest));
    }
    const std::size_t first_one = tiling.panels.size() > 1 ? tiling.panels[1] : out;
    tiling.panels.push_back(out);
    across = tiling.panels.size() - 1;
    const std::size_t wanted = across >= threads ? 1 : share(threads, across);
    tiling.down = std::clamp<std::size_t>(rows / least_rows, 1, wanted);
    tiling.height = share(rows, tiling.down);
    const std::size_t parts = std::max<std::size_t>(1, share(in * first_one, panel_elements));
    tiling.depth = std::max<std::size_t>(1, share(share(in, parts), block)) * block;
    return tiling;
}

}  // namespace deadscope::cpu

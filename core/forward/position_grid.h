// A learned table of positions on a square grid, brought to a grid of another size as DINOv2 does.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace deadscope {

// grid [side · side, width] -> [height · rows of `columns`, width] by bicubic interpolation (pixel centres at
// halves), which is what torch's interpolate computes: with a = -0.75 and the edges repeated; or with
// antialias, where a = -0.5, the kernel is as wide as a place of the new grid, and what lies beyond the edges
// counts for nothing.
std::vector<double> resized_grid(std::span<const double> grid, std::size_t side, std::size_t width,
                                 std::size_t rows, std::size_t columns, bool antialias);

}  // namespace deadscope

// A learned table of positions on a square grid, brought to a grid of another size as DINOv2 does.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace deadscope {

// grid [side · side, width] -> [height · rows of `columns`, width] by bicubic interpolation (a = -0.75, pixel
// centres at halves, edges repeated), which is what torch's interpolate computes.
std::vector<double> resized_grid(std::span<const double> grid, std::size_t side, std::size_t width,
                                 std::size_t rows, std::size_t columns);

}  // namespace deadscope

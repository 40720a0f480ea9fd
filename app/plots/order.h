// Channels in the order of their values. Knows nothing of a window.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace deadscope {

// Places of `values`, largest first, equal ones as they stand; what is not a number comes first, where it is
// seen. A radix sort: a large model's hundred norms are put in order within one frame.
std::vector<std::uint32_t> descending_order(std::span<const double> values);
// 0, 1, 2, ...
std::vector<std::uint32_t> plain_order(std::size_t size);
std::vector<double> in_order(std::span<const double> values, std::span<const std::uint32_t> order);

}  // namespace deadscope

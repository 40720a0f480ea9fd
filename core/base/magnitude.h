// The largest magnitude of many numbers, at the speed of memory.
#pragma once

#include <span>

namespace deadscope {

// Infinity where one is infinite and none is worse; not a number where one is not. 0 of none.
// Thread rule: any thread.
float largest_magnitude(std::span<const float> values);
double largest_magnitude(std::span<const double> values);

}  // namespace deadscope

// Seconds as people say them.
#pragma once

#include <string>

namespace deadscope {

std::string duration_text(double seconds);  // "< 1 ms", "420 ms", "1.3 s", "12 s", "3 min 05 s"

}  // namespace deadscope

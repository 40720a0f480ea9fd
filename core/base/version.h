// The program's version, in one place.
#pragma once

namespace deadscope {

inline constexpr const char* version = "0.1.0";

}  // namespace deadscope

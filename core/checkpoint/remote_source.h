// Whether a checkpoint lies on the hub. There a reading is a request, so that what only checks values is left
// to the opening of the download.
#pragma once

#include <string_view>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

inline constexpr std::string_view remote_source = "hub:";  // what its source() begins with

// One that is here has a folder, whatever its name, or is built in.
inline bool is_remote(const Checkpoint& checkpoint) {
    return checkpoint.folder().empty() && checkpoint.source().starts_with(remote_source);
}

}  // namespace deadscope

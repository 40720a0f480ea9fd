// A checkpoint on disk: config.json beside weights of any format, in one file or in shards. Names found
// in files are plain names inside their folder; a link that leads out of it is refused, except the hub
// cache's own.
#pragma once

#include <string>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// `name`: for labels. `source`: what the person gave.
Checkpoint open_folder(const std::string& folder, std::string name, std::string source);
Checkpoint open_weights_file(const std::string& file, std::string name, std::string source);

// The path of a file of the folder. Errors: a link that leads elsewhere.
std::string folder_member(const std::string& folder, const std::string& name);

// The path of a file beside a checkpoint's weights; empty where there is none. Errors: as folder_member's.
std::string file_beside(const Checkpoint& checkpoint, const std::string& name);

// A short name for a folder: its own, with its parent's before it where its own says little ("step-512", a
// commit).
std::string label_of(const std::string& folder);

}  // namespace deadscope

// See output_guard.h.
#include "core/checkpoint/output_guard.h"

#include "core/base/output_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

void refuse_output_over_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
    refuse_output_over_input(path, checkpoint.config_path());
    for (const auto& file : checkpoint.files()) refuse_output_over_input(path, file->path());
}

}  // namespace deadscope

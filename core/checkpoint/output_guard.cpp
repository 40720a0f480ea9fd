// See output_guard.h.
#include "core/checkpoint/output_guard.h"

#include <filesystem>

#include "core/base/output_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/companions.h"

namespace deadscope {
void refuse_output_over_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
    namespace fs = std::filesystem;
    const fs::path folder = checkpoint.folder();
    refuse_output_over_input(path, checkpoint.config_path());
    for (const auto& file : checkpoint.files()) refuse_output_over_input(path, file->path());
    if (checkpoint.folder().empty()) return;
    for (const char* name : companions) refuse_output_over_input(path, (folder / name).string());
    std::error_code ignored;
    for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
         entry.increment(ignored))
        if (entry->path().string().ends_with(".index.json"))
            refuse_output_over_input(path, entry->path().string());
}

}  // namespace deadscope

// PyTorch's own format: a zip of a pickle and stored tensors, or the older stream of pickles. The pickle is
// interpreted by core/checkpoint/pickle, which executes nothing; tensors are views of the mapped storages.
#pragma once

#include <memory>

#include "core/base/mapped_file.h"
#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// check_entries: hold every entry of a zip against its own header now; false leaves each to its first reading
// (a file that is fetched piece by piece). Errors: a pickle that names a global outside the allow-list
// (named), a storage that is missing or shorter than its tensors say, an archive that contradicts itself.
std::unique_ptr<WeightsFile> open_torch(std::shared_ptr<const MappedFile> file, bool check_entries = true);

}  // namespace deadscope

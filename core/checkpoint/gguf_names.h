// Tensors of a GGUF file under the names of their family, by its table: renamed, fused experts taken apart,
// rows that the converter moved put back where the family has them.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/checkpoint/gguf_model.h"
#include "core/checkpoint/gguf_read.h"

namespace deadscope {

struct GgufTensor {
    TensorInfo info;  // name and shape of the family's; place in its part
    RowOrder order;
    std::optional<std::pair<TensorInfo, TensorInfo>> latent;  // keys and values that it is joined from
};

// Of one part. What the table does not name keeps the file's own name. Errors: heads that do not fit a
// tensor's rows.
std::vector<GgufTensor> family_tensors(const GgufModel& model, const GgufHeader& part);

}  // namespace deadscope

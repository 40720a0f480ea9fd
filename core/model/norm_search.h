// Norms of a checkpoint whose family is not known, by the names of its tensors. Their kind stays unknown:
// names and biases do not prove it (T5's LayerNorms are RMSNorms, Cohere's LayerNorms have no bias).
#pragma once

#include <vector>

#include "core/model/norms.h"

namespace deadscope {

std::vector<NormSpec> search_norms(const Checkpoint& checkpoint);

}  // namespace deadscope

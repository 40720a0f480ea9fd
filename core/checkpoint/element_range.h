// What every format checks before it reads elements of a tensor.
#pragma once

#include <string>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// Errors: a dtype that is not read, a range that is not inside the tensor or not as long as what it is read
// to.
void check_read(const std::string& file, const TensorInfo& tensor, ElementRange range, std::size_t out);

}  // namespace deadscope

// Weights that a checkpoint keeps as MXFP4 blocks (OCP Microscaling): NAME_blocks, U8 [matrices, rows,
// groups, 16], two 4-bit numbers a byte, and NAME_scales, U8 [matrices, rows, groups], a power of two for 32
// numbers. They are offered as the tensor that transformers unpacks them to: NAME, [matrices, groups · 32,
// rows].
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/checkpoint/checkpoint.h"

namespace deadscope {

// The tensors that the files hold in this way, as one more file of no size of its own; null where there are
// none. The files must outlive it.
std::unique_ptr<WeightsFile> open_mxfp4(std::span<const std::unique_ptr<WeightsFile>> files);

}  // namespace deadscope

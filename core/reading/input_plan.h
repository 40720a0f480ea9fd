// The plan by which a checkpoint reads an input.
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "core/model/plan.h"
#include "core/reading/input.h"

namespace deadscope {

// As make_plan; a model that reads pictures of any size (assets/architectures/README.md, any_size) gets that
// of the pictures given. Errors: as make_plan; pictures of a size that it cannot read.
Plan plan_for_input(const Checkpoint& checkpoint, const InputSettings& settings);

}  // namespace deadscope

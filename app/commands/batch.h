// `deadscope analyze --batch LIST --out DIR`: many checkpoints, one report each.
#pragma once

#include <string>

#include "app/commands/options.h"

namespace deadscope {

struct BatchArguments {
    std::string list, out;
};
// Returns 0 where every checkpoint was read or had been, 1 where one was not.
int batch_command(const BatchArguments& batch, const ForwardArguments& arguments);

}  // namespace deadscope

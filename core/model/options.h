// Options of a configuration that change the computation and are not understood: refused by name, so that
// nothing else is computed than the model.
#pragma once

#include "core/model/config_values.h"

namespace deadscope {

// By the family's `only`, and by assets/architectures/options.json for what the family's file does not
// mention. Errors: the key, the value, the values understood.
void refuse_unknown_options(const ConfigValues& values);

}  // namespace deadscope

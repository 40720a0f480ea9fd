// X_0: what enters the first block, from token ids, pictures or sound.
#pragma once

#include "core/forward/pass.h"

namespace deadscope {

// Fills x [tokens, d]. False: cancelled. Errors: an id outside the vocabulary, a sequence longer than the
// positions.
bool embed(Pass& pass, Matrix& x);

}  // namespace deadscope

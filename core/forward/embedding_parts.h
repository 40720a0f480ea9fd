// The kinds of input, each in its own file; see embedding.h.
#pragma once

#include "core/forward/pass.h"

namespace deadscope {

// Fill x [tokens, d] with what the input's norm reads, or with X_0 where it has none there. False: cancelled.
bool embed_tokens(Pass& pass, const TokenInputSpec& spec, Matrix& x);
bool embed_pictures(Pass& pass, const PatchInputSpec& spec, Matrix& x);
bool embed_sounds(Pass& pass, const SoundInputSpec& spec, Matrix& x);

// The norm whose output is X_0; null where there is none.
const NormSpec* embedding_norm(const Plan& plan);

}  // namespace deadscope

// The kinds of input, each in its own file; see embedding.h.
#pragma once

#include "core/forward/pass.h"

namespace deadscope {

// The distinct ids of the input, ascending, and for each token its place among them. Errors: an id outside
// the vocabulary.
struct DistinctIds {
    std::vector<std::int32_t> ids, place;
};
DistinctIds distinct_ids(const Pass& pass, std::size_t vocabulary);

// Fill x [tokens, d] with what the input's norm reads, or with X_0 where it has none there. False: cancelled.
bool embed_tokens(Pass& pass, const TokenInputSpec& spec, Matrix& x);
bool embed_pictures(Pass& pass, const PatchInputSpec& spec, Matrix& x);
bool embed_sounds(Pass& pass, const SoundInputSpec& spec, Matrix& x);

// The norm whose output is X_0; null where there is none.
const NormSpec* embedding_norm(const Plan& plan);

}  // namespace deadscope

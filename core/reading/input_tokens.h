// Inputs that are token ids already: seeded random ones, and arrays that people bring. Also what the kinds of
// input share: how many tokens a random one has, and how a long run of tokens is cut into sequences.
#pragma once

#include <cstddef>
#include <string>

#include "core/reading/input.h"

namespace deadscope {

// Sequences of `context` tokens, the last one shorter.
SequenceLayout split_at_context(std::size_t tokens, std::size_t context);
// InputSettings::tokens, or twice the width. Errors: Error::usage where it is out of range.
std::size_t random_count(const Plan& plan, const InputSettings& settings);

ModelInput random_tokens(const Plan& plan, const InputSettings& settings);
// int32 or int64, [T] or [B, T]; each row its own sequence. Errors: as prepare_input.
ModelInput tokens_from_file(const Plan& plan, const std::string& path);
// Rows of X_0 that can be independent, at most (math.md §4).
std::size_t independent_tokens(const Plan& plan, const ModelInput& input);

}  // namespace deadscope

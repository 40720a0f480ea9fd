// The residual stream itself, streamed into a safetensors file under TransformerLens's names (interface.md),
// without holding more than one chunk of it.
#pragma once

#include <optional>
#include <string>

#include "core/base/progress.h"
#include "core/forward/forward.h"
#include "core/reading/analyze.h"

namespace deadscope {

// Writes blocks.0.hook_resid_pre, blocks.{i}.hook_resid_post, ln_final.hook_normalized ([N, d]) and logits
// (first 64 tokens) in settings.precisions[0], for settings.inits[0], and the ids of the input
// as tokens (I32 [N]), where it has any. Returns what was read of what, where, and the warnings: a reading
// without runs; nullopt, with no file left, when progress said stop. Errors: as analyze(), and those of the
// output file.
std::optional<Reading> write_activations(const std::string& model, const ReadingSettings& settings,
                                         const std::string& out, const Progress& progress = {});

}  // namespace deadscope

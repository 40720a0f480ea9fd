// The residual stream itself, streamed into a safetensors file under TransformerLens's names (interface.md),
// without holding more than one chunk of it.
#pragma once

#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/forward/forward.h"
#include "core/reading/analyze.h"

namespace deadscope {

// Writes blocks.0.hook_resid_pre, blocks.{i}.hook_resid_post, ln_final.hook_normalized ([N, d]) and logits
// (first 64 tokens) in settings.precisions[0], for settings.inits[0], and the ids of the input
// as tokens (I32 [N]), where it has any. Returns Outcome::cancelled, with no file left, when progress said
// stop. warnings: where given, sentences about the files that were read (Checkpoint::warnings) are added.
// Errors: as analyze(), and those of the output file.
Outcome write_activations(const std::string& model, const ReadingSettings& settings, const std::string& out,
                          const Progress& progress = {}, std::vector<std::string>* warnings = nullptr);

}  // namespace deadscope

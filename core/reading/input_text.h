// Text → token ids by the checkpoint's own tokenizer, cut into sequences of the model's context.
#pragma once

#include "core/reading/input.h"

namespace deadscope {

class Checkpoint;

// InputKind::text (a file; empty: built-in prose) and InputKind::prompt. checkpoint: where the tokenizer is
// looked for; null: nowhere. Errors: as prepare_input.
ModelInput tokens_from_text(const Plan& plan, const InputSettings& settings, const Checkpoint* checkpoint);

}  // namespace deadscope

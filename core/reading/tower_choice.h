// Which of a checkpoint's models an input is for: pictures and sound given to a checkpoint that opens on its
// language tower choose theirs by themselves (assets/architectures/README.md).
#pragma once

#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/reading/input.h"

namespace deadscope {

// Opens the checkpoint on the tower that takes this kind of input: the one asked for by #TOWER, else the
// default one where it takes it or where the input is random, else the first that does. Where none does, the
// default: prepare_input says what it takes. Errors: as open_checkpoint.
Checkpoint open_for_input(const std::string& model, InputKind kind);

}  // namespace deadscope

// Snapshots of one training run, recognised by the names of their folders or revisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace deadscope {

// The number in names like step-512, step001000, checkpoint_40, iter7 (conventions of Pythia, OLMo, the
// transformers trainer); nothing where there is none.
std::optional<std::uint64_t> snapshot_number(std::string_view name);

}  // namespace deadscope

// Finds a family's file, lays it over the one that it extends, and applies the variants whose conditions hold
// for a checkpoint. What the result means is architecture.h's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/architecture.h"

namespace deadscope {

// Thread rule: a value.
struct ArchitectureFile {
    std::string file;                            // for messages
    std::shared_ptr<const nlohmann::json> json;  // after extends
};

// The family's file, the person's own first. Nothing where the family is not known.
// Errors: a file that is malformed, named for another family, or extends one that is not known (named).
std::optional<ArchitectureFile> find_architecture(const std::string& model_type);

// The file's text as JSON, for tests. Errors: as find_architecture().
ArchitectureFile read_architecture(std::string_view text, const std::string& file);

// The variants applied and the result parsed. `config`: what conditions ask; `checkpoint`: the tensors they
// ask for. Errors: a condition that is malformed; as parse_architecture().
Architecture resolve_architecture(const ArchitectureFile& file, const JsonObject& config,
                                  const Checkpoint& checkpoint);

}  // namespace deadscope

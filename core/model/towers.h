// Which of a checkpoint's models is meant: the file and configuration of the one there is, or of the tower
// chosen among several.
#pragma once

#include <optional>

#include "core/model/architecture_file.h"

namespace deadscope {

// Thread rule: a value.
struct ChosenModel {
    std::string model_type;                // of the tower, where there are towers
    std::string tower;                     // its name, or empty
    std::optional<ArchitectureFile> file;  // nothing: the family is not known
    std::shared_ptr<const nlohmann::json> config;
    std::string config_path;  // where in the file it stands, for messages
};

// Errors: a configuration without model_type, a tower that the checkpoint does not hold (known ones named).
ChosenModel choose_model(const Checkpoint& checkpoint);

}  // namespace deadscope

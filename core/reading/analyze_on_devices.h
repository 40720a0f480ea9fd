// One reading on several GPUs of this machine, which share its sequences as ranks do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/reading/analyze.h"

namespace deadscope {

// devices: at least two names for make_backend(). Where one of them has no room, the first makes the reading
// alone, and a warning says so. Otherwise as analyze().
std::optional<Reading> analyze_on_devices(const std::vector<std::string>& devices, const std::string& model,
                                          const ReadingSettings& settings, const Progress& progress,
                                          const PartialReading& partial);

}  // namespace deadscope

// Readings to the JSON of interface.md ("deadscope.report/1"). What is measured and what it means is
// core/reading's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/base/json_text.h"
#include "core/reading/reading.h"
#include "core/reading/words.h"

namespace deadscope {

// Long lists of numbers in them are views of the reading's (core/base/json_text.h), which must outlive them.
nlohmann::ordered_json report_json(const Reading& reading);
nlohmann::ordered_json gamma_json(const GammaReading& gamma);

}  // namespace deadscope

// Readings to the JSON of interface.md ("deadscope.report/1"). What is measured and what it means is
// core/reading's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/reading/reading.h"
#include "core/reading/words.h"

namespace deadscope {

nlohmann::ordered_json report_json(const Reading& reading);
nlohmann::ordered_json gamma_json(const GammaReading& gamma);
// Valid UTF-8 whatever the strings hold; doubles round-trip; what is not finite becomes null.
std::string dump_json(const nlohmann::ordered_json& value);

}  // namespace deadscope

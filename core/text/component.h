// What the readers of a tokenizer.json's components share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/text/regex.h"

namespace deadscope {

// Errors: absent, or no text.
std::string needed_text(const JsonObject& object, std::string_view key);
// {"String": ...} or {"Regex": ...} under `key`.
Regex read_pattern(const JsonObject& object, std::string_view key);
// The objects of the list under `key`. Errors: absent, or more than a tokenizer has.
std::vector<JsonObject> parts_of(const JsonObject& object, std::string_view key);

}  // namespace deadscope

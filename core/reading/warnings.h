// Sentences about a reading that a person can act on, whoever made it.
#pragma once

#include <string>

#include "core/reading/reading.h"

namespace deadscope {

std::string too_few_tokens(std::size_t tokens, std::size_t d);  // tokens <= d
void warn_about_run(Reading& reading, const Run& run);          // adds to reading.warnings

}  // namespace deadscope

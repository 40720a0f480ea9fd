// Sentences about a reading that a person can act on, whoever made it.
#pragma once

#include <string>

#include "core/reading/reading.h"

namespace deadscope {

std::string too_few_tokens(std::size_t tokens, std::size_t d);  // tokens <= d
void warn_about_run(Reading& reading, const Run& run);          // adds to reading.warnings
// A run that a device had no room for as it was asked.
std::string smaller_steps(Init init, Precision precision);
std::string moved_to_one_device();  // from several
std::string moved_to_processor(Init init, Precision precision, const std::string& why);

}  // namespace deadscope

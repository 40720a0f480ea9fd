// The built-in prose: texts of our own in several registers and languages, and code (assets/text), as many
// tokens as are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// One paragraph of each text in turn, so that a short stretch has several registers.
std::string prose();

// `count` tokens of prose. Where it is over it begins anew, each turn at another place, so that what stands
// at one place of a sequence is not the same each time.
std::vector<std::int32_t> prose_tokens(
    const std::function<std::vector<std::int32_t>(std::string_view)>& encode, std::size_t count);

}  // namespace deadscope

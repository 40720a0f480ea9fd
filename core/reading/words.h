// Numbers to words, the same in the window, the terminal and the report's sentences.
#pragma once

#include <cstdint>
#include <string>

namespace deadscope {

// 4 significant digits, scientific beyond 1e±4: "0.2041", "2.500e-15". Alignment: 6 decimals.
std::string number_text(double value);
std::string alignment_text(double value);
std::string bytes_text(std::uint64_t bytes);  // "87.3 MB"
std::string count_text(std::uint64_t count);  // "22.7 M"
// "1 block", "2 blocks"
std::string counted(std::uint64_t count, const std::string& noun);

}  // namespace deadscope

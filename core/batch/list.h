// The list of checkpoints of `analyze --batch`: a text file with a MODEL a line, and the names of their
// reports. Reading them is left to the caller, what a report is worth to results.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

struct BatchEntry {
    std::string model;     // as on the command line
    std::string name;      // of its report, without ".json": unlike any other's, and fit for a file
    std::size_t line = 0;  // in the list, from 1
    std::string fault;     // why it cannot be a model; else empty
};

// Blank lines, and those that begin with #, are left out; a model that was named before is not named again.
// Errors: Error::input where the file cannot be read, is larger than 16 MB or names nothing.
std::vector<BatchEntry> read_batch_list(const std::string& file);
std::vector<BatchEntry> parse_batch_list(std::string_view text, const std::string& file);

}  // namespace deadscope

// The data behind a plot as a table: what "Copy data as CSV" and "Save data as CSV" give. Numbers round-trip
// and ignore the locale; where they come from stands in comment lines on top.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace deadscope {

using Cell = std::variant<std::string, double, std::int64_t>;

struct Table {
    std::string name;                // proposed file name, without ".csv"
    std::vector<std::string> notes;  // provenance, one "# " line each
    std::vector<std::string> columns;
    std::vector<std::vector<Cell>> rows;  // [rows][columns]
};

// RFC 4180 with "# " comment lines before the header; what is not finite becomes an empty field.
std::string csv_text(const Table& table);

}  // namespace deadscope

// CSV by RFC 4180; see table.h.
#include "app/plots/table.h"

#include <array>
#include <charconv>
#include <cmath>

namespace deadscope {
namespace {

std::string field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

std::string field(double value) {
    if (!std::isfinite(value)) return "";
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

std::string field(std::int64_t value) {
    return std::to_string(value);
}

}  // namespace

std::string csv_text(const Table& table) {
    std::string text;
    for (std::string note : table.notes) {
        for (char& c : note) {
            if (c == '\n' || c == '\r') c = ' ';  // a note must not become a row
        }
        text += "# " + note + "\n";
    }
    for (std::size_t i = 0; i < table.columns.size(); ++i) text += (i ? "," : "") + field(table.columns[i]);
    text += "\n";
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i) text += ",";
            text += std::visit([](const auto& value) { return field(value); }, row[i]);
        }
        text += "\n";
    }
    return text;
}

}  // namespace deadscope

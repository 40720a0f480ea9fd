// JSON as text: what a report is written with. A long list of numbers is one leaf, a view of the numbers
// where they are, instead of a node each; and the text goes out in pieces. So a report of megabytes is
// neither a hundred thousand allocations nor one string. What the keys are is left to the callers.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope {

// A view of the list as a leaf, which the functions below know (nlohmann's own dump() does not). The list
// must outlive it.
nlohmann::ordered_json json_numbers(const std::vector<double>& values);
nlohmann::ordered_json json_numbers(std::vector<double>&& values) = delete;

using TextSink = std::function<void(std::string_view)>;

// Objects and lists indented by two, leaves of numbers on one line, a line's end behind all. Valid UTF-8
// whatever the strings hold; numbers are the shortest that read back as the same double, and a double stays
// recognisable as one ("1.0"); what is not finite becomes null. Errors: the sink's.
void write_json(const nlohmann::ordered_json& value, const TextSink& sink);
std::string dump_json(const nlohmann::ordered_json& value);

}  // namespace deadscope

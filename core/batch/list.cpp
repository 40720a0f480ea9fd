// See list.h.
#include "core/batch/list.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/mapped_file.h"

namespace deadscope {
namespace {

constexpr std::uint64_t largest_list = 16u << 20;  // bytes
constexpr std::size_t longest_model = 4096;        // bytes: Linux's longest path
constexpr std::size_t longest_name = 120;          // bytes: ".json.part.PID" must fit behind it

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view blanks = " \t\r\v\f";
    const std::size_t first = line.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

std::string fault_of(std::string_view model) {
    if (model.size() > longest_model) return "the line is longer than a model's name can be";
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return std::ranges::any_of(model, control) ? "the line holds control characters" : "";
}

// Letters and digits of ASCII and what every file system takes; the end of a long path says most.
std::string safe_name(std::string_view model) {
    const std::size_t first = std::min(model.find_first_not_of("./"), model.size());
    std::string name;
    for (const char c : model.substr(first)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '.' || c == '-' || c == '@' || c == '_';
        name += plain ? c : '_';
    }
    while (name.ends_with('_')) name.pop_back();
    if (name.size() > longest_name) name.erase(0, name.size() - longest_name);
    if (name.empty() || name.front() == '-' || name.front() == '.') name.insert(0, "_");
    return name;
}

// Where several have one name, each gets a mark that its model alone decides. Names that differ in case only
// are one on some file systems.
void part_names(std::vector<BatchEntry>& entries) {
    const auto folded = [](std::string name) {
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return name;
    };
    std::map<std::string, std::size_t> wanted;
    for (const BatchEntry& entry : entries) ++wanted[folded(entry.name)];
    for (BatchEntry& entry : entries)
        if (wanted[folded(entry.name)] > 1) entry.name += "-" + hash_text(hash64(entry.model)).substr(5);
}

}  // namespace

std::vector<BatchEntry> parse_batch_list(std::string_view text, const std::string& file) {
    std::vector<BatchEntry> entries;
    std::set<std::string_view> seen;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    for (std::size_t line = 1; !text.empty(); ++line) {
        const std::size_t end = text.find('\n');
        const std::string_view model = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (model.empty() || model.front() == '#' || !seen.insert(model).second) continue;
        entries.push_back({std::string(model), safe_name(model), line, fault_of(model)});
    }
    if (entries.empty())
        throw Error::input("The list names no checkpoint",
                           {.file = file, .expected = "a MODEL a line", .found = "none"});
    part_names(entries);
    return entries;
}

std::vector<BatchEntry> read_batch_list(const std::string& file) {
    return parse_batch_list(read_text_file(file, largest_list), file);
}

}  // namespace deadscope

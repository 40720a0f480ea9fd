// What the module deadscope_sentencepiece.so offers, by name: the one header that it and the program share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deadscope::sentencepiece_module {

// One model of the library's. Thread rule: immutable but for load(); any thread.
class Processor {
public:
    virtual ~Processor() = default;
    // Of both: the library's own words where it refuses; nothing where all is well.
    virtual std::optional<std::string> load(std::string_view model) = 0;
    virtual std::optional<std::string> encode(std::string_view word, std::vector<int>& ids) const = 0;
    virtual std::optional<std::int32_t> find(std::string_view piece) const = 0;
    virtual std::size_t size() const = 0;
};

// A new one, the caller's; null where the program is of another version.
using Make = Processor*(const char* program_version);
inline constexpr const char* make_name = "deadscope_make_sentencepiece";

}  // namespace deadscope::sentencepiece_module

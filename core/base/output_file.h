// A file that appears whole or not at all: written beside its final name and renamed at commit(). An
// interrupted or failed run leaves nothing behind (interface.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace deadscope {

// Thread rule: one thread at a time.
class OutputFile {
public:
    // Errors: Error::input where the folder is not there or the path is not a regular file, Error::resource
    // where the system refuses.
    explicit OutputFile(std::string path);
    ~OutputFile();  // removes what was not committed
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::span<const std::byte> bytes);  // appends
    void write(std::string_view text);
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);  // anywhere; gaps are zero
    void commit();

private:
    [[noreturn]] void fail(std::string_view action) const;
    std::string path_, temporary_;
    int descriptor_ = -1;
    std::uint64_t end_ = 0;
};

// Errors: Error::usage where `path` names the same file as `input` (an output that is also an input is
// refused).
void refuse_output_over_input(const std::string& path, const std::string& input);

}  // namespace deadscope

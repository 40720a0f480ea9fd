// A place in a mapped file that moves forward: numbers and texts from a window that is copied piece by piece,
// so that a header is read in few strokes. What is skipped is not touched.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "core/base/mapped_file.h"

namespace deadscope {

// Thread rule: one thread at a time.
class GgufCursor {
public:
    GgufCursor(const MappedFile& file, std::uint64_t offset) : file_(&file), offset_(offset) {}

    std::uint64_t offset() const { return offset_; }
    std::uint64_t left() const { return file_->size() - offset_; }

    // Errors, of all that move: the file ends before.
    template <class T>
    T number(std::string_view key) {
        T value{};
        std::memcpy(&value, take(sizeof(T), key), sizeof(T));
        return value;
    }
    // A length and that many bytes. Errors: longer than `limit`.
    std::string text(std::uint64_t limit, std::string_view key);
    void skip(std::uint64_t count, std::string_view key);
    [[noreturn]] void cut_short(std::uint64_t needed, std::string_view key) const;

private:
    const char* take(std::uint64_t count, std::string_view key);

    const MappedFile* file_;
    std::uint64_t offset_, window_start_ = 0;
    std::string window_;
};

}  // namespace deadscope

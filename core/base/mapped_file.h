// A file read through memory: mapped, touched only where it is read; what is small is copied. Regular files
// only. What the bytes mean is left to the formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace deadscope {

struct FileRange {
    std::uint64_t offset = 0, count = 0;  // bytes
};

// Brings pieces of a file that is elsewhere into the memory that stands for it.
// Thread rule: both members may be called from any thread.
class RangeLoader {
public:
    virtual ~RangeLoader() = default;
    // On return the range, which lies inside `whole`, is there. Errors: what kept it from coming.
    virtual void ensure(std::span<std::byte> whole, FileRange range) = 0;
    // The same for several, exactly these and all at once: what a caller knows it will read.
    virtual void prefetch(std::span<std::byte> whole, std::span<const FileRange> ranges) = 0;
};

// Thread rule: immutable; every member may be called from any thread.
class MappedFile {
public:
    // Errors: missing, unreadable, or not a regular file (pipes, devices and folders are refused unopened).
    static std::shared_ptr<const MappedFile> open(const std::string& path);
    // Bytes that are in memory already and outlive the object: what the program carries inside itself.
    static std::shared_ptr<const MappedFile> borrow(std::string path, std::span<const std::byte> bytes);
    // A file that is elsewhere: memory of its size of which only what is visited is brought in and takes
    // room.
    static std::shared_ptr<const MappedFile> lazy(std::string path, std::uint64_t size,
                                                  std::shared_ptr<RangeLoader> loader);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const std::string& path() const { return path_; }
    std::uint64_t size() const { return bytes_.size(); }

    // Calls body(std::span<const std::byte>) on [offset, offset + count). A file that has shrunk since it was
    // opened is an Error::input naming the file and `key`. The body may be left halfway without unwinding
    // when that happens: it must own nothing, so it only reads and writes memory of the caller's.
    template <class Body>
    void visit(std::uint64_t offset, std::uint64_t count, std::string_view key, Body body) const {
        static_assert(std::is_trivially_destructible_v<Body>, "the body may be left without unwinding");
        visit_erased(
            offset, count, key,
            [](void* context, std::span<const std::byte> bytes) { (*static_cast<Body*>(context))(bytes); },
            &body);
    }
    std::string text(std::uint64_t offset, std::uint64_t count, std::string_view key = {}) const;
    // Says what will be visited. Does nothing to a file that is here.
    void prefetch(std::span<const FileRange> ranges) const;
    // Hints to the system about a file that is here: that this range will be read soon, or that it has been
    // and its pages need not stay in this process. Neither changes what visit() sees.
    void read_ahead(FileRange range) const;
    void let_go(FileRange range) const;

private:
    using Erased = void (*)(void* context, std::span<const std::byte> bytes);
    MappedFile(std::string path, std::span<const std::byte> bytes, int descriptor)
        : path_(std::move(path)), bytes_(bytes), descriptor_(descriptor) {}
    void advise(FileRange range, int advice) const;
    void visit_erased(std::uint64_t offset, std::uint64_t count, std::string_view key, Erased body,
                      void* context) const;

    std::string path_;
    std::span<const std::byte> bytes_;
    int descriptor_;                       // kept open to notice a file that shrank; -1: borrowed or lazy
    std::shared_ptr<RangeLoader> loader_;  // of a lazy file
};

// The whole of a small file as text. Errors: as MappedFile::open, and a file larger than `limit`.
std::string read_text_file(const std::string& path, std::uint64_t limit);

}  // namespace deadscope

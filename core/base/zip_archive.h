// The zip container (PKWARE's APPNOTE 6.3, with zip64): the directory, checked against the file, and where
// the bytes of an entry lie. Nothing is unpacked here but through ZipReader; PyTorch's and NumPy's files are
// read through both. What the entries mean is left to the formats.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/base/zip_checksums.h"

namespace deadscope {

struct ZipEntry {
    std::string name;
    bool stored = true;            // else deflated
    std::uint64_t size = 0;        // bytes, unpacked
    std::uint64_t compressed = 0;  // bytes in the file; stored: size
    std::uint64_t header = 0;      // where its local header stands in the file
    std::uint64_t end = 0;         // where the next entry, or the directory, begins
    std::uint32_t crc = 0;         // as the directory says; a wrong one is a warning (ZipChecksums)
};

// Thread rule: immutable; every member may be called from any thread.
class ZipArchive {
public:
    // Reads the directory alone. Errors: no zip archive, one cut short, spread over disks or encrypted; a
    // directory that contradicts the file or itself (overlap, a name twice, sizes that cannot be).
    explicit ZipArchive(std::shared_ptr<const MappedFile> file);

    const std::vector<ZipEntry>& entries() const { return entries_; }  // in file order
    const ZipEntry* find(std::string_view name) const;                 // nullptr where absent
    const MappedFile& file() const { return *file_; }
    const std::shared_ptr<const MappedFile>& shared_file() const { return file_; }

    // Where the entry's bytes begin. Reads its local header. Errors: one that contradicts the directory.
    std::uint64_t data(const ZipEntry& entry) const;
    // The whole of a small entry. Errors: larger than `limit`, or as data() and ZipReader.
    std::string text(const ZipEntry& entry, std::uint64_t limit) const;
    // Bytes of a stored entry, which begins at `begin`, are visited as MappedFile does, and its checksum kept
    // up with.
    template <class Body>
    void visit(const ZipEntry& entry, std::uint64_t begin, FileRange in_entry, std::string_view key,
               Body body) const {
        const bool news = checksums_->news(entry, in_entry.offset, in_entry.count);
        std::uint32_t crc = 0;
        std::uint32_t* const sum = news ? &crc : nullptr;
        file_->visit(begin + in_entry.offset, in_entry.count, key, [=](std::span<const std::byte> bytes) {
            body(bytes);
            if (sum != nullptr) *sum = crc32_of(*sum, bytes);
        });
        if (news) checksums_->seen(entry, in_entry.offset, in_entry.count, crc);
    }
    // Of what was read through visit(), text() and ZipReader.
    ZipChecksums& checksums() const { return *checksums_; }

private:
    std::shared_ptr<const MappedFile> file_;
    std::shared_ptr<ZipChecksums> checksums_ = std::make_shared<ZipChecksums>();
    std::vector<ZipEntry> entries_;
    std::vector<std::size_t> by_name_;  // indices of entries_, sorted by name
};

// The bytes of one entry from first to last, unpacked as they are asked for.
// Thread rule: one thread at a time.
class ZipReader {
public:
    ZipReader(const ZipArchive& archive, const ZipEntry& entry);  // both outlive it
    ~ZipReader();
    ZipReader(const ZipReader&) = delete;
    ZipReader& operator=(const ZipReader&) = delete;

    // Fills all of `out`. Errors: packed data that is damaged or holds less than the directory says.
    void read(std::span<std::byte> out);
    std::uint64_t left() const { return entry_.size - given_; }  // bytes not yet read

private:
    struct Inflater;
    void inflate_into(std::span<std::byte> out);

    const ZipArchive& archive_;
    const ZipEntry& entry_;
    std::uint64_t begin_ = 0, given_ = 0, taken_ = 0;  // taken_: compressed bytes handed to the inflater
    std::unique_ptr<Inflater> inflater_;               // null: stored
};

}  // namespace deadscope

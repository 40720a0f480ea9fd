// The CRC-32 of a zip archive's entries, kept up with as their bytes are read, in any order and by any number
// of threads. A wrong one alone is a warning, so nothing is read for its sake and nothing refused
// (interface.md, untrusted input).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <unordered_map>

namespace deadscope {

struct ZipEntry;

// Of zlib, without its state: may be left halfway (MappedFile::visit).
std::uint32_t crc32_of(std::uint32_t so_far, std::span<const std::byte> bytes);

// Thread rule: every member may be called from any thread.
class ZipChecksums {
public:
    // Whether none of these bytes has been seen.
    bool news(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count) const;
    // `crc`: of these bytes alone; taken where they are still news. Once all of the entry's have been seen,
    // theirs is held against the directory's.
    void seen(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count, std::uint32_t crc);
    // The entry's own header says another one than the directory.
    void contradicted(const ZipEntry& entry);
    // A sentence about those that were read whole and are wrong; empty: none. file: for the sentence.
    std::string warning(const std::string& file) const;

private:
    struct Run {  // of bytes in a row
        std::uint64_t end = 0;
        std::uint32_t crc = 0;
    };
    using Runs = std::map<std::uint64_t, Run>;  // by their beginning; no two touch
    static bool free(const Runs& runs, std::uint64_t offset, std::uint64_t end);
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Runs> seen_;  // by the header's place, which is the entry's alone
    std::set<std::string> wrong_;                   // names
};

}  // namespace deadscope

// The CRC-32 of a zip archive's entries, kept up with as their bytes are read. A wrong one alone is a
// warning, so nothing is read for its sake and nothing refused (interface.md, untrusted input).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
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
    // The checksum of the bytes before `offset`, where all of these have been seen and more are to come.
    std::optional<std::uint32_t> before(const ZipEntry& entry, std::uint64_t offset) const;
    // `crc`: of the bytes before offset + count. At the entry's end it is held against the directory's.
    void seen(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count, std::uint32_t crc);
    // The entry's own header says another one than the directory.
    void contradicted(const ZipEntry& entry);
    // A sentence about those that were read whole and are wrong; empty: none. file: for the sentence.
    std::string warning(const std::string& file) const;

private:
    struct Seen {
        std::uint64_t end = 0;
        std::uint32_t crc = 0;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Seen> seen_;  // by the header's place, which is the entry's alone
    std::set<std::string> wrong_;                   // names
};

}  // namespace deadscope

// See zip_checksums.h.
#include "core/base/zip_checksums.h"

#include <zlib.h>

#include <filesystem>

#include "core/base/text.h"
#include "core/base/zip_archive.h"

namespace deadscope {

std::uint32_t crc32_of(std::uint32_t so_far, std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(
        crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::optional<std::uint32_t> ZipChecksums::before(const ZipEntry& entry, std::uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(entry.header);
    const Seen seen = found == seen_.end() ? Seen{} : found->second;
    if (seen.end != offset || offset >= entry.size) return std::nullopt;
    return seen.crc;
}

void ZipChecksums::seen(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count, std::uint32_t crc) {
    const std::lock_guard lock(mutex_);
    Seen& seen = seen_[entry.header];
    if (seen.end != offset) return;  // another thread was here first
    seen = {offset + count, crc};
    if (seen.end == entry.size && crc != entry.crc) wrong_.insert(entry.name);
}

void ZipChecksums::contradicted(const ZipEntry& entry) {
    const std::lock_guard lock(mutex_);
    wrong_.insert(entry.name);
}

std::string ZipChecksums::warning(const std::string& file) const {
    const std::lock_guard lock(mutex_);
    if (wrong_.empty()) return {};
    const std::string name = printable(std::filesystem::path(file).filename().string(), 100);
    const std::string first = "'" + printable(*wrong_.begin(), 100) + "'";
    const std::string what = wrong_.size() == 1
                                 ? "The entry " + first + " of the zip archive " + name +
                                       " does not have the checksum that is stated for it"
                                 : std::to_string(wrong_.size()) + " entries of the zip archive " + name +
                                       ", such as " + first +
                                       ", do not have the checksums that are stated for them";
    return what + ": the file may be damaged. What it holds is read as it stands.";
}

}  // namespace deadscope

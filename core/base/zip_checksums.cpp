// See zip_checksums.h.
#include "core/base/zip_checksums.h"

#include <zlib.h>

#include <filesystem>
#include <iterator>

#include "core/base/text.h"
#include "core/base/zip_archive.h"

namespace deadscope {

std::uint32_t crc32_of(std::uint32_t so_far, std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(
        crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool ZipChecksums::free(const Runs& runs, std::uint64_t offset, std::uint64_t end) {
    const auto after = runs.upper_bound(offset);
    if (after != runs.end() && after->first < end) return false;
    return after == runs.begin() || std::prev(after)->second.end <= offset;
}

bool ZipChecksums::news(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count) const {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(entry.header);
    return count > 0 && (found == seen_.end() || free(found->second, offset, offset + count));
}

void ZipChecksums::seen(const ZipEntry& entry, std::uint64_t offset, std::uint64_t count, std::uint32_t crc) {
    const std::lock_guard lock(mutex_);
    Runs& runs = seen_[entry.header];
    if (count == 0 || !free(runs, offset, offset + count)) return;  // another thread was here first
    const auto join = [](std::uint32_t first, std::uint32_t second, std::uint64_t length) {
        return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(length)));
    };
    auto at = runs.emplace(offset, Run{offset + count, crc}).first;
    if (const auto next = std::next(at); next != runs.end() && next->first == at->second.end) {
        at->second = {next->second.end,
                      join(at->second.crc, next->second.crc, next->second.end - next->first)};
        runs.erase(next);
    }
    if (at != runs.begin() && std::prev(at)->second.end == at->first) {
        const auto before = std::prev(at);
        before->second = {at->second.end,
                          join(before->second.crc, at->second.crc, at->second.end - at->first)};
        runs.erase(at);
        at = before;
    }
    if (at->first == 0 && at->second.end == entry.size && at->second.crc != entry.crc)
        wrong_.insert(entry.name);
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

// The directory at the end, its zip64 variant, and the local headers (APPNOTE 4.3).
#include "core/base/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::uint64_t end_record_size = 22, locator_size = 20, end64_record_size = 56,
                        comment_limit = 65535;
constexpr std::uint64_t entry_size = 46, local_size = 30;
constexpr std::uint64_t directory_limit = 512u << 20;  // bytes; a hundred times any checkpoint's
constexpr std::uint32_t in_zip64 = 0xFFFFFFFFu;
constexpr std::uint16_t stored_method = 0, deflated_method = 8, encrypted_flag = 1, sizes_follow_flag = 8;

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}

[[noreturn]] void refuse(const MappedFile& file, std::string_view what, ErrorDetails details = {}) {
    details.file = file.path();
    throw Error::input(what, std::move(details));
}

struct Directory {
    std::uint64_t begin = 0, size = 0, entries = 0;
};

// Place of the record that ends every archive: the last whose comment reaches to the end of the file.
std::optional<std::uint64_t> find_end_record(const MappedFile& file) {
    if (file.size() < end_record_size) return std::nullopt;
    const std::uint64_t begin = file.size() - end_record_size;
    const auto is_end = [](std::string_view bytes, std::size_t at) {
        return bytes.substr(at, 4) == "PK\x05\x06" &&
               number_at<std::uint16_t>(bytes, at + 20) == bytes.size() - at - end_record_size;
    };
    if (is_end(file.text(begin, end_record_size), 0)) return begin;  // without a comment, as nearly always
    const std::uint64_t reach = std::min(begin, comment_limit);
    const std::string tail = file.text(begin - reach, reach + end_record_size);
    for (std::size_t at = reach; at-- > 0;)
        if (is_end(tail, at)) return begin - reach + at;
    return std::nullopt;
}

std::optional<Directory> zip64_directory(const MappedFile& file, std::uint64_t end_record) {
    if (end_record < locator_size) return std::nullopt;
    const std::string locator = file.text(end_record - locator_size, locator_size);
    if (!locator.starts_with("PK\x06\x07")) return std::nullopt;
    const auto at = number_at<std::uint64_t>(locator, 8);
    if (at > end_record || end_record - at < locator_size + end64_record_size)
        refuse(file, "The zip archive's end points outside the file", {.offset = end_record - locator_size});
    const std::string record = file.text(at, end64_record_size);
    if (!record.starts_with(std::string_view("PK\x06\x06", 4)))
        refuse(file, "The zip archive's zip64 record is not where its locator says", {.offset = at});
    if (number_at<std::uint32_t>(record, 16) != 0 || number_at<std::uint32_t>(record, 20) != 0)
        refuse(file, "The zip archive is spread over several disks", {.offset = at});
    return Directory{number_at<std::uint64_t>(record, 48), number_at<std::uint64_t>(record, 40),
                     number_at<std::uint64_t>(record, 32)};
}

Directory find_directory(const MappedFile& file) {
    const auto at = find_end_record(file);
    if (!at) {
        refuse(file,
               "The zip archive has no end: it is cut short, as a download that did not finish leaves it",
               {.expected = "a zip archive's directory at the end",
                .found = "a file of " + std::to_string(file.size()) + " bytes without one",
                .hint = "Download the file again."});
    }
    const std::string record = file.text(*at, end_record_size);
    Directory directory{number_at<std::uint32_t>(record, 16), number_at<std::uint32_t>(record, 12),
                        number_at<std::uint16_t>(record, 10)};
    const auto disk = number_at<std::uint16_t>(record, 4), first_disk = number_at<std::uint16_t>(record, 6);
    if (const auto large = zip64_directory(file, *at)) {
        directory = *large;
    } else if (disk != 0 || first_disk != 0) {
        refuse(file, "The zip archive is spread over several disks", {.offset = *at});
    }
    const auto end = checked_add(directory.begin, directory.size);
    if (!end || *end > *at || directory.entries > directory.size / entry_size ||
        directory.size > directory_limit)
        refuse(file, "The zip archive's directory cannot lie where the archive says",
               {.offset = *at,
                .expected = "a directory before byte " + std::to_string(*at),
                .found = std::to_string(directory.entries) + " entries in " + std::to_string(directory.size) +
                         " bytes from byte " + std::to_string(directory.begin)});
    return directory;
}

// Values of a zip64 extra field in their fixed order, each present only where its 32-bit place says so.
// Returns false where the field is needed and lacks one.
bool apply_zip64(std::string_view extra, std::span<std::uint64_t* const> values) {
    const bool needed = std::ranges::any_of(values, [](const auto* value) { return *value == in_zip64; });
    if (!needed) return true;
    while (extra.size() >= 4) {
        const std::size_t length = number_at<std::uint16_t>(extra, 2);
        if (length > extra.size() - 4) return false;
        if (number_at<std::uint16_t>(extra, 0) != 1) {
            extra.remove_prefix(4 + length);
            continue;
        }
        std::string_view field = extra.substr(4, length);
        for (std::uint64_t* const value : values) {
            if (*value != in_zip64) continue;
            if (field.size() < 8) return false;
            *value = number_at<std::uint64_t>(field, 0);
            field.remove_prefix(8);
        }
        return true;
    }
    return false;
}

[[noreturn]] void bad_entry(const MappedFile& file, const std::string& name, std::string_view what,
                            std::string expected = {}, std::string found = {}) {
    refuse(file, what, {.key = name, .expected = std::move(expected), .found = std::move(found)});
}

// One record of the directory at `at`; moves `at` behind it.
ZipEntry read_entry(const MappedFile& file, std::string_view bytes, std::size_t& at,
                    std::uint64_t directory) {
    const std::uint64_t place = directory + at;
    if (bytes.size() - at < entry_size || bytes.substr(at, 4) != "PK\x01\x02")
        refuse(file, "The zip archive's directory is malformed", {.offset = place});
    const auto word = [&](std::size_t offset) { return number_at<std::uint16_t>(bytes, at + offset); };
    const auto wide = [&](std::size_t offset) { return number_at<std::uint32_t>(bytes, at + offset); };
    const std::size_t name = word(28), extra = word(30), comment = word(32);
    if (name + extra + comment > bytes.size() - at - entry_size)
        refuse(file, "The zip archive's directory is malformed", {.offset = place});
    ZipEntry entry{.name = std::string(bytes.substr(at + entry_size, name)),
                   .stored = word(10) == stored_method,
                   .size = wide(24),
                   .compressed = wide(20),
                   .header = wide(42),
                   .crc = wide(16)};
    const std::array<std::uint64_t*, 3> values{&entry.size, &entry.compressed, &entry.header};
    if (!apply_zip64(bytes.substr(at + entry_size + name, extra), values))
        bad_entry(file, entry.name, "An entry's size is missing from the zip archive's directory");
    if ((word(8) & encrypted_flag) != 0)
        bad_entry(file, entry.name, "An entry of the zip archive is encrypted");
    if (!entry.stored && word(10) != deflated_method)
        bad_entry(file, entry.name, "An entry is packed in a way that is not read", "stored or deflated",
                  "method " + std::to_string(word(10)));
    if (entry.stored && entry.size != entry.compressed)
        bad_entry(file, entry.name, "An entry that is stored as it is has two sizes",
                  std::to_string(entry.size), std::to_string(entry.compressed));
    at += entry_size + name + extra + comment;
    return entry;
}

std::vector<ZipEntry> read_directory(const MappedFile& file) {
    const Directory directory = find_directory(file);
    const std::string bytes = file.text(directory.begin, directory.size);
    std::vector<ZipEntry> entries;
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < directory.entries; ++i)
        entries.push_back(read_entry(file, bytes, at, directory.begin));
    if (at != bytes.size())
        refuse(file, "The zip archive's directory holds more than its entries",
               {.offset = directory.begin + at});
    std::ranges::stable_sort(entries, {}, &ZipEntry::header);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        ZipEntry& entry = entries[i];
        entry.end = i + 1 < entries.size() ? entries[i + 1].header : directory.begin;
        const auto least = checked_add(local_size + entry.name.size(), entry.compressed);
        const auto end = least ? checked_add(entry.header, *least) : std::nullopt;
        if (!end || *end > entry.end || entry.end > directory.begin)
            bad_entry(file, entry.name, "An entry of the zip archive overlaps the next one, or the directory",
                      "to end by byte " + std::to_string(entry.end),
                      std::to_string(entry.compressed) + " bytes from byte " + std::to_string(entry.header));
    }
    return entries;
}

}  // namespace

ZipArchive::ZipArchive(std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)), entries_(read_directory(*file_)), by_name_(entries_.size()) {
    std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
    const auto name_at = [this](std::size_t i) -> const std::string& { return entries_[i].name; };
    std::ranges::sort(by_name_, {}, name_at);
    const auto twice = std::ranges::adjacent_find(by_name_, {}, name_at);
    if (twice != by_name_.end())
        bad_entry(*file_, name_at(*twice), "The zip archive holds two entries of one name");
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
    const auto name_at = [this](std::size_t i) -> std::string_view { return entries_[i].name; };
    const auto found = std::ranges::lower_bound(by_name_, name, {}, name_at);
    return found != by_name_.end() && entries_[*found].name == name ? &entries_[*found] : nullptr;
}

// Local headers may leave the sizes to a descriptor behind the data (flag 3): then they are zero.
std::uint64_t ZipArchive::data(const ZipEntry& entry) const {
    const std::string fixed = file_->text(entry.header, local_size, entry.name);
    const auto word = [&](std::size_t offset) { return number_at<std::uint16_t>(fixed, offset); };
    const auto wide = [&](std::size_t offset) { return number_at<std::uint32_t>(fixed, offset); };
    const auto contradicts = [&](std::string_view what, const std::string& expected,
                                 const std::string& found) {
        bad_entry(*file_, entry.name, "An entry's own header contradicts the zip archive's directory",
                  std::string(what) + " " + expected, found);
    };
    if (!fixed.starts_with("PK\x03\x04"))
        contradicts("a header at byte", std::to_string(entry.header), "other bytes");
    const std::uint64_t begin = entry.header + local_size + word(26) + word(28);
    if (begin > entry.end || entry.end - begin < entry.compressed)
        contradicts("to end by byte", std::to_string(entry.end), std::to_string(begin + entry.compressed));
    const std::string rest =
        file_->text(entry.header + local_size, begin - entry.header - local_size, entry.name);
    if (rest.substr(0, word(26)) != entry.name) contradicts("name", entry.name, rest.substr(0, word(26)));
    if ((word(6) & encrypted_flag) != 0) contradicts("no encryption", "", "an encrypted entry");
    const std::uint16_t method = entry.stored ? stored_method : deflated_method;
    if (word(8) != method) contradicts("method", std::to_string(method), std::to_string(word(8)));
    std::uint64_t size = wide(22), compressed = wide(18);
    const std::array<std::uint64_t*, 2> values{&size, &compressed};
    if (!apply_zip64(std::string_view(rest).substr(word(26)), values))
        contradicts("its size", "", "no zip64 field for it");
    const bool follow = (word(6) & sizes_follow_flag) != 0 && size == 0 && compressed == 0;
    if (!follow && (size != entry.size || compressed != entry.compressed))
        contradicts("size", std::to_string(entry.size), std::to_string(size));
    if ((word(6) & sizes_follow_flag) == 0 && wide(14) != entry.crc) checksums_->contradicted(entry);
    return begin;
}

std::string ZipArchive::text(const ZipEntry& entry, std::uint64_t limit) const {
    if (entry.size > limit)
        bad_entry(*file_, entry.name, "An entry of the zip archive is larger than such an entry can be",
                  "at most " + std::to_string(limit) + " bytes", std::to_string(entry.size));
    // Deflate cannot pack tighter than 1032 to 1, so a larger claim is a lie, told before memory is taken.
    if (!entry.stored && entry.size / 1032 > entry.compressed)
        bad_entry(*file_, entry.name, "An entry's packed data cannot hold what the directory says",
                  std::to_string(entry.size) + " bytes", std::to_string(entry.compressed) + " packed");
    std::string out(entry.size, '\0');
    ZipReader(*this, entry).read(std::as_writable_bytes(std::span(out)));
    return out;
}

// Packed bytes are copied before zlib sees them: its state must not be left halfway (MappedFile::visit).
struct ZipReader::Inflater {
    z_stream stream{};
    std::string input;
    ~Inflater() { inflateEnd(&stream); }
};

ZipReader::ZipReader(const ZipArchive& archive, const ZipEntry& entry)
    : archive_(archive), entry_(entry), begin_(archive.data(entry)) {
    if (entry.stored) return;
    inflater_ = std::make_unique<Inflater>();
    if (inflateInit2(&inflater_->stream, -MAX_WBITS) != Z_OK)
        throw Error::resource("Memory for unpacking is missing",
                              {.file = archive.file().path(), .key = entry.name});
}

ZipReader::~ZipReader() = default;

void ZipReader::read(std::span<std::byte> out) {
    if (out.size() > left())
        bad_entry(archive_.file(), entry_.name, "More was asked of an entry than it holds",
                  std::to_string(left()) + " bytes", std::to_string(out.size()));
    if (inflater_) {
        inflate_into(out);
    } else {
        std::byte* const to = out.data();
        archive_.visit(entry_, begin_, {given_, out.size()}, entry_.name,
                       [to](std::span<const std::byte> bytes) {
                           if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
                       });
    }
    if (inflater_ && archive_.checksums().news(entry_, given_, out.size()))
        archive_.checksums().seen(entry_, given_, out.size(), crc32_of(0, out));
    given_ += out.size();
}

void ZipReader::inflate_into(std::span<std::byte> out) {
    constexpr std::uint64_t piece = 64u << 10;
    z_stream& stream = inflater_->stream;
    while (!out.empty()) {
        if (stream.avail_in == 0 && taken_ < entry_.compressed) {
            const std::uint64_t count = std::min(piece, entry_.compressed - taken_);
            inflater_->input = archive_.file().text(begin_ + taken_, count, entry_.name);
            taken_ += count;
            stream.next_in = reinterpret_cast<Bytef*>(inflater_->input.data());
            stream.avail_in = static_cast<uInt>(count);
        }
        const std::size_t room = std::min<std::size_t>(out.size(), 1u << 30);
        stream.next_out = reinterpret_cast<Bytef*>(out.data());
        stream.avail_out = static_cast<uInt>(room);
        const uInt waiting = stream.avail_in;
        const int status = inflate(&stream, Z_NO_FLUSH);
        const std::size_t made = room - stream.avail_out;
        out = out.subspan(made);
        const bool stuck = made == 0 && stream.avail_in == waiting;
        if (status == Z_STREAM_END ? !out.empty() : status != Z_OK || stuck)
            bad_entry(archive_.file(), entry_.name, "An entry's packed data is damaged or holds too little",
                      std::to_string(out.size()) + " bytes more");
    }
}

}  // namespace deadscope

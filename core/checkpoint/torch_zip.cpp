// The zip kind (torch/serialization.py, since 1.6): NAME/data.pkl, NAME/data/KEY for every storage, and
// perhaps NAME/byteorder.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/checkpoint/torch_globals.h"
#include "core/checkpoint/torch_storages.h"

namespace deadscope {
namespace {

constexpr std::string_view pickle_name = "data.pkl";
constexpr std::uint64_t small_entry = 1u << 20;         // bytes
constexpr std::uint64_t unpacked_limit = 512ull << 20;  // bytes of packed entries that are held in memory

// Thread rule: immutable.
class TorchZip final : public TorchStorages {
public:
    TorchZip(std::shared_ptr<const MappedFile> file, bool check_entries) : archive_(std::move(file)) {
        if (check_entries)
            for (const ZipEntry& entry : archive_.entries()) (void)archive_.data(entry);
        prefix_ = find_prefix();
        check_byte_order();
        read_data();
        unpack();
    }

    const Pickle& pickle() const override { return pickle_; }
    std::optional<std::uint64_t> size(const std::string& key) const override {
        const ZipEntry* entry = storage(key);
        return entry == nullptr ? std::nullopt : std::optional(entry->size);
    }
    Place place(const std::string& key) const override {
        const ZipEntry& entry = *storage(key);
        if (entry.stored) return {archive_.shared_file(), archive_.data(entry), &archive_, &entry};
        return {.file = unpacked_.at(key)};
    }
    std::string warning() const override { return archive_.checksums().warning(archive_.file().path()); }
    std::uint64_t expected_place(const std::string& key) const override {
        const ZipEntry& entry = *storage(key);
        return entry.header + 30 + entry.name.size();
    }

private:
    [[noreturn]] void fail(std::string_view what, const std::string& entry, std::string expected,
                           std::string found, std::string hint = {}) const {
        throw Error::input(what, {.file = archive_.file().path(),
                                  .key = entry,
                                  .expected = std::move(expected),
                                  .found = std::move(found),
                                  .hint = std::move(hint)});
    }
    const ZipEntry* storage(const std::string& key) const { return archive_.find(prefix_ + "data/" + key); }

    // "archive/": what stands before data.pkl, which is there once.
    std::string find_prefix() const {
        std::vector<std::string> found, names;
        for (const ZipEntry& entry : archive_.entries()) {
            if (names.size() < 8) names.push_back(entry.name);
            const std::size_t slash = entry.name.rfind('/');
            const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
            if (entry.name.substr(begin) == pickle_name) found.push_back(entry.name.substr(0, begin));
        }
        if (found.size() == 1) return found.front();
        const bool arrays =
            std::ranges::any_of(names, [](const auto& name) { return name.ends_with(".npy"); });
        fail("This zip archive is not a PyTorch checkpoint", "", "one entry NAME/data.pkl",
             found.empty() ? join(names, ", ") : join(found, ", "),
             arrays ? "NumPy's arrays are read by 'deadscope read FILE --gamma G'." : "");
    }

    void check_byte_order() const {
        const ZipEntry* entry = archive_.find(prefix_ + "byteorder");
        if (entry == nullptr) return;
        const std::string order = archive_.text(*entry, small_entry);
        if (order != "little")
            fail("The checkpoint's numbers are not little-endian", entry->name, "little", order);
    }

    void read_data() {
        const ZipEntry& entry = *archive_.find(prefix_ + std::string(pickle_name));
        if (entry.stored) {
            const std::uint64_t begin = archive_.data(entry);
            pickle_ = read_pickle(archive_.file(), begin, begin + entry.size, torch_globals());
            if (entry.size <= unpacked_limit)  // a pickle ends before its entry does where that is a trap
                archive_.visit(entry, begin, {0, entry.size}, entry.name, [](std::span<const std::byte>) {});
            return;
        }
        const std::string text = archive_.text(entry, unpacked_limit);
        const auto bytes = MappedFile::borrow(archive_.file().path(), std::as_bytes(std::span(text)));
        pickle_ = read_pickle(*bytes, 0, text.size(), torch_globals());
    }

    // PyTorch stores and never packs; a file that somebody packed again is unpacked while it is small.
    void unpack() {
        std::uint64_t total = 0;
        const std::string folder = prefix_ + "data/";
        for (const ZipEntry& entry : archive_.entries()) {
            if (entry.stored || !entry.name.starts_with(folder)) continue;
            if (entry.size > unpacked_limit - total)
                fail(
                    "The checkpoint's storages are packed, which PyTorch does not do, and too large to "
                    "unpack",
                    entry.name, "stored entries", std::to_string(entry.size) + " bytes packed",
                    "Load it with torch.load() and save it again.");
            total += entry.size;
            texts_.push_back(std::make_unique<std::string>(archive_.text(entry, unpacked_limit)));
            unpacked_[entry.name.substr(folder.size())] =
                MappedFile::borrow(archive_.file().path(), std::as_bytes(std::span(*texts_.back())));
        }
    }

    ZipArchive archive_;
    std::string prefix_;
    Pickle pickle_;
    std::vector<std::unique_ptr<std::string>> texts_;
    std::map<std::string, std::shared_ptr<const MappedFile>> unpacked_;
};

}  // namespace

std::unique_ptr<TorchStorages> open_torch_zip(std::shared_ptr<const MappedFile> file, bool check_entries) {
    return std::make_unique<TorchZip>(std::move(file), check_entries);
}

}  // namespace deadscope

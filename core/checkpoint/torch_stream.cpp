// The older kind (torch/serialization.py, _legacy_save): pickles of a magic number, a protocol, facts of the
// machine, the object and the storages' keys; then each storage, its count of elements before its bytes.
#include <cstring>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/checkpoint/torch_globals.h"
#include "core/checkpoint/torch_storages.h"
#include "core/checkpoint/torch_tensors.h"

namespace deadscope {
namespace {

constexpr std::int64_t protocol = 1001;
// 0x1950a86a20f9469cfc6c as a pickle's long holds it.
constexpr std::string_view magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);

// Thread rule: immutable.
class TorchStream final : public TorchStorages {
public:
    explicit TorchStream(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
        const std::string start = file_->text(0, std::min<std::uint64_t>(file_->size(), 64));
        if (start.find(magic) == std::string::npos)
            fail("This pickle is not a PyTorch checkpoint", 0, "PyTorch's magic number", "another pickle");
        const Pickle number = next();
        const Pickle version = next();
        if (version.integer(version.root()) != protocol)
            fail("The checkpoint is of a version that is not read", 0, std::to_string(protocol),
                 "another number");
        const Pickle machine = next();
        const auto little = machine.find(machine.root(), "little_endian");
        if (little && machine.integer(*little) == 0)
            fail("The checkpoint's numbers are not little-endian", 0, "little-endian", "big-endian");
        pickle_ = next();
        locate(next());
    }

    const Pickle& pickle() const override { return pickle_; }
    std::optional<std::uint64_t> size(const std::string& key) const override {
        const auto found = regions_.find(key);
        return found == regions_.end() ? std::nullopt : std::optional(found->second.size);
    }
    Place place(const std::string& key) const override { return {file_, regions_.at(key).begin}; }

private:
    struct Region {
        std::uint64_t begin = 0, size = 0;
    };
    [[noreturn]] void fail(std::string_view what, std::uint64_t offset, std::string expected,
                           std::string found, std::string key = {}) const {
        throw Error::input(what, {.file = file_->path(),
                                  .key = std::move(key),
                                  .offset = offset,
                                  .expected = std::move(expected),
                                  .found = std::move(found)});
    }

    Pickle next() {
        Pickle out = read_pickle(*file_, at_, file_->size(), torch_globals());
        at_ = out.end();
        return out;
    }

    // Bytes of one element of each storage, by its key, as the object's tensors say.
    std::map<std::string, std::uint64_t> element_sizes() const {
        std::map<std::string, std::uint64_t> out;
        for (PickleId id = 0; id < pickle_.size(); ++id) {
            const auto storage = storage_ref(pickle_, id);
            if (!storage) continue;
            const std::uint64_t size = dtype_bits(storage->dtype) / 8;
            const auto [entry, is_new] = out.emplace(storage->key, size);
            if (!is_new && entry->second != size)
                fail("A storage has elements of two sizes", at_, std::to_string(entry->second),
                     std::to_string(size), storage->key);
        }
        return out;
    }

    void locate(const Pickle& keys) {
        const std::map<std::string, std::uint64_t> sizes = element_sizes();
        const PickleValue& list = keys[keys.root()];
        if (list.kind != PickleKind::list) fail("The list of the storages is missing", at_, "a list", "none");
        for (const PickleId id : list.items) {
            const std::string key(keys.text(id));
            const auto known = sizes.find(key);
            if (known == sizes.end())
                fail("The file holds a storage that no tensor names", at_, "a key of a tensor's storage",
                     "another", key);
            if (regions_.contains(key)) fail("The file holds a storage twice", at_, "once", "twice", key);
            const std::string count = file_->text(at_, sizeof(std::uint64_t), key);
            std::uint64_t elements = 0;
            std::memcpy(&elements, count.data(), sizeof(elements));
            at_ += sizeof(elements);
            const auto bytes = checked_multiply(elements, known->second);
            if (!bytes || *bytes > file_->size() - at_)
                fail("The file ends before a storage does: it is cut short", at_,
                     std::to_string(elements) + " elements of " + std::to_string(known->second) + " bytes",
                     std::to_string(file_->size() - at_) + " bytes", key);
            regions_[key] = {at_, *bytes};
            at_ += *bytes;
        }
    }

    std::shared_ptr<const MappedFile> file_;
    std::uint64_t at_ = 0;
    Pickle pickle_;
    std::map<std::string, Region> regions_;
};

}  // namespace

std::unique_ptr<TorchStorages> open_torch_stream(std::shared_ptr<const MappedFile> file) {
    return std::make_unique<TorchStream>(std::move(file));
}

}  // namespace deadscope

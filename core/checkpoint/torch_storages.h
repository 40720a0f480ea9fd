// Where the bytes of a PyTorch file's storages lie, in its zip kind and in the older stream of pickles.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/base/zip_archive.h"
#include "core/checkpoint/pickle.h"

namespace deadscope {

// Thread rule: immutable after construction; every member may be called from any thread.
class TorchStorages {
public:
    virtual ~TorchStorages() = default;
    virtual const Pickle& pickle() const = 0;  // of the object that was saved
    struct Place {
        std::shared_ptr<const MappedFile> file;
        std::uint64_t begin = 0;
        const ZipArchive* archive = nullptr;  // whose stored entry the storage is; null: of none
        const ZipEntry* entry = nullptr;
    };
    // Bytes of the storage; nothing where there is none of that key.
    virtual std::optional<std::uint64_t> size(const std::string& key) const = 0;
    virtual Place place(const std::string& key) const = 0;  // of one that has a size
    // Bytes of the storage `key`, visited as MappedFile does.
    template <class Body>
    void visit(const std::string& key, FileRange in_storage, std::string_view tensor, Body body) const {
        const Place at = place(key);
        if (at.entry != nullptr) return at.archive->visit(*at.entry, at.begin, in_storage, tensor, body);
        at.file->visit(at.begin + in_storage.offset, in_storage.count, tensor, body);
    }
    virtual std::string warning() const { return {}; }  // about what was read so far; empty: nothing
    virtual std::uint64_t expected_place(const std::string& key) const { return place(key).begin; }
};

std::unique_ptr<TorchStorages> open_torch_zip(std::shared_ptr<const MappedFile> file, bool check_entries);
std::unique_ptr<TorchStorages> open_torch_stream(std::shared_ptr<const MappedFile> file);

}  // namespace deadscope

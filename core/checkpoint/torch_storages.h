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
    };
    // Bytes of the storage; nothing where there is none of that key.
    virtual std::optional<std::uint64_t> size(const std::string& key) const = 0;
    virtual Place place(const std::string& key) const = 0;  // of one that has a size
    virtual std::uint64_t expected_place(const std::string& key) const { return place(key).begin; }
};

std::unique_ptr<TorchStorages> open_torch_zip(std::shared_ptr<const MappedFile> file, bool check_entries);
std::unique_ptr<TorchStorages> open_torch_stream(std::shared_ptr<const MappedFile> file);

}  // namespace deadscope

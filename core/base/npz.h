// NumPy's archives of arrays (savez, savez_compressed): .npy files in a zip, stored or deflated. What an
// array holds is npy.h's; here it is found by its name and read from first to last.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/npy.h"
#include "core/base/zip_archive.h"

namespace deadscope {

// Thread rule: immutable; every member may be called from any thread.
class NpzFile {
public:
    // Errors: as ZipArchive's, and an archive without arrays.
    static std::shared_ptr<const NpzFile> open(const std::string& path);

    const std::string& path() const { return archive_.file().path(); }
    const std::vector<std::string>& names() const { return names_; }  // without ".npy", in file order
    bool has(std::string_view name) const;
    // About what was read so far and is not as the archive says; empty: nothing.
    std::string warning() const { return archive_.checksums().warning(path()); }

private:
    friend class NpzReader;
    explicit NpzFile(std::shared_ptr<const MappedFile> file);
    const ZipEntry& entry(std::string_view name) const;

    ZipArchive archive_;
    std::vector<std::string> names_;
};

// The elements of one array, in order.
// Thread rule: one thread at a time.
class NpzReader {
public:
    // Errors: no array of that name (those that are there are listed), or one that is not read.
    NpzReader(std::shared_ptr<const NpzFile> file, const std::string& name);

    const NpyHeader& header() const { return header_; }
    void read(std::span<double> out);  // the next ones
    const NpzFile& file() const { return *file_; }

private:
    std::shared_ptr<const NpzFile> file_;
    ZipReader reader_;
    NpyHeader header_;
    std::vector<std::byte> packed_;  // as they stand in the array
};

}  // namespace deadscope

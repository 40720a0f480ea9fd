// See npz.h.
#include "core/base/npz.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace deadscope {
namespace {

constexpr std::string_view ending = ".npy";

NpyHeader read_header(ZipReader& reader, const std::string& place) {
    const std::uint64_t total = reader.left();
    std::string bytes(std::min(total, npy_fixed_size), '\0');
    reader.read(std::as_writable_bytes(std::span(bytes)));
    const std::uint64_t size = npy_header_size(bytes, place);
    if (size > total || size < bytes.size())
        throw Error::input("The array's header is cut off, or none", {.file = place});
    bytes.resize(size);
    reader.read(std::as_writable_bytes(std::span(bytes).subspan(npy_fixed_size)));
    return parse_npy_header(bytes, total, place);
}

}  // namespace

NpzFile::NpzFile(std::shared_ptr<const MappedFile> file) : archive_(std::move(file)) {
    for (const ZipEntry& entry : archive_.entries())
        if (entry.name.ends_with(ending))
            names_.push_back(entry.name.substr(0, entry.name.size() - ending.size()));
    if (names_.empty())
        throw Error::input("The archive holds no NumPy arrays", {.file = path(), .expected = "NAME.npy"});
}

std::shared_ptr<const NpzFile> NpzFile::open(const std::string& path) {
    return std::shared_ptr<const NpzFile>(new NpzFile(MappedFile::open(path)));
}

bool NpzFile::has(std::string_view name) const {
    return std::ranges::find(names_, name) != names_.end();
}

const ZipEntry& NpzFile::entry(std::string_view name) const {
    const ZipEntry* found = archive_.find(std::string(name) + std::string(ending));
    if (found == nullptr)
        throw Error::input(
            "The archive holds no array of that name",
            {.file = path(), .key = std::string(name), .expected = "one of " + join(names_, ", ")});
    return *found;
}

NpzReader::NpzReader(std::shared_ptr<const NpzFile> file, const std::string& name)
    : file_(std::move(file)),
      reader_(file_->archive_, file_->entry(name)),
      header_(read_header(reader_, file_->path() + ":" + name)) {}

void NpzReader::read(std::span<double> out) {
    constexpr std::size_t batch = 64u << 10;  // elements
    while (!out.empty()) {
        const std::size_t count = std::min(batch, out.size());
        packed_.resize(count * npy_type_size(header_.type));
        reader_.read(packed_);
        convert_npy(header_.type, packed_.data(), count, out.data());
        out = out.subspan(count);
    }
}

}  // namespace deadscope

// See gguf_latent.h. One head's keys at a time are decoded, and turned over.
#include "core/checkpoint/gguf_latent.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/gguf_read.h"

namespace deadscope {
namespace {

struct Extents {
    std::uint64_t heads, rank, nope, value;
    std::uint64_t rows() const { return nope + value; }  // of one head
};

Extents extents_of(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values) {
    const auto &k = keys.shape, &v = values.shape;
    const bool fits = k.size() == 3 && v.size() == 3 && k[0] == v[0] && k[1] == v[2] && keys.elements > 0 &&
                      values.elements > 0;
    if (!fits) {
        throw Error::input("The latent keys and values of a block do not fit each other",
                           {.file = file.path(),
                            .key = keys.name,
                            .expected = "[heads, rank, keys] beside [heads, values, rank]",
                            .found = shape_text(k) + " beside " + shape_text(v)});
    }
    const auto size = [](std::int64_t extent) { return static_cast<std::uint64_t>(extent); };
    return {size(k[0]), size(k[1]), size(k[2]), size(v[1])};
}

template <class To>
class Reader {
public:
    Reader(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values)
        : file_(file), keys_(keys), values_(values), extents_(extents_of(file, keys, values)) {}

    void row(std::uint64_t index, std::uint64_t first, std::span<To> out) {
        const std::uint64_t head = index / extents_.rows(), inside = index % extents_.rows();
        if (inside >= extents_.nope) {
            const std::uint64_t at = head * extents_.value + inside - extents_.nope;
            read_gguf(file_, values_, {}, {at * extents_.rank + first, out.size()}, out);
            return;
        }
        if (head != held_) {
            block_.resize(extents_.rank * extents_.nope);
            read_gguf(file_, keys_, {}, {head * block_.size(), block_.size()}, std::span<To>(block_));
            held_ = head;
        }
        for (std::size_t j = 0; j < out.size(); ++j) out[j] = block_[(first + j) * extents_.nope + inside];
    }
    std::uint64_t rank() const { return extents_.rank; }

private:
    const MappedFile& file_;
    const TensorInfo &keys_, &values_;
    Extents extents_;
    std::vector<To> block_;  // [rank, nope]: the keys of head held_
    std::uint64_t held_ = ~std::uint64_t{0};
};

template <class To>
void read_any(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values, ElementRange range,
              std::span<To> out) {
    const std::uint64_t total = keys.elements + values.elements;
    const bool inside = range.first <= total && range.count <= total - range.first;
    if (!inside || range.count != out.size()) {
        throw Error::input("A range beyond the end of a tensor was asked for",
                           {.file = file.path(),
                            .key = keys.name,
                            .expected = std::to_string(total) + " elements",
                            .found = std::to_string(range.first) + " + " + std::to_string(range.count)});
    }
    Reader<To> reader(file, keys, values);
    for (std::uint64_t done = 0; done < range.count;) {
        const std::uint64_t at = range.first + done, first = at % reader.rank();
        const std::uint64_t taken = std::min(range.count - done, reader.rank() - first);
        reader.row(at / reader.rank(), first, out.subspan(done, taken));
        done += taken;
    }
}

}  // namespace

TensorInfo joined_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values) {
    const Extents extents = extents_of(file, keys, values);
    TensorInfo whole = keys;  // place and bytes: those of the keys
    whole.shape = {static_cast<std::int64_t>(extents.heads * extents.rows()),
                   static_cast<std::int64_t>(extents.rank)};
    whole.elements = keys.elements + values.elements;
    whole.bytes = keys.bytes + values.bytes;
    return whole;
}

void read_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values, ElementRange range,
                 std::span<float> out) {
    read_any(file, keys, values, range, out);
}
void read_latent(const MappedFile& file, const TensorInfo& keys, const TensorInfo& values, ElementRange range,
                 std::span<double> out) {
    read_any(file, keys, values, range, out);
}

}  // namespace deadscope

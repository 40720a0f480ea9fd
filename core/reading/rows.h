// Arrays that people bring: rows [N, d] of activations, read in order and once, from .npy, .npz, safetensors
// or a PyTorch file. What they mean is read_activations.h's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/precision.h"

namespace deadscope {

// FILE[:NAME] as a person writes it. A file whose own name holds a colon comes first.
struct ArrayName {
    std::string file, name;  // name: empty where none was given
    static ArrayName parse(const std::string& text);
    std::string words() const { return name.empty() ? file : file + ":" + name; }
};

// Thread rule: one thread at a time.
class ArraySource {
public:
    virtual ~ArraySource() = default;
    virtual const std::vector<std::int64_t>& shape() const = 0;
    virtual std::uint64_t elements() const = 0;
    virtual std::string type_text() const = 0;  // "F32", "float64"
    virtual std::optional<Precision> precision()
        const = 0;                                // of its numbers; nothing for whole numbers and F8
    virtual const std::string& name() const = 0;  // of the array in its file; empty: the file is it
    virtual std::vector<std::string> warnings() const { return {}; }  // about what was read so far
    // The next elements, in row-major order.
    virtual void read(std::span<double> out) = 0;
};

// rank: the fewest axes that the array must have where it is not named. Errors: no array of that name, or no
// name and several that it could be (listed), a kind of file or number that is not read.
std::unique_ptr<ArraySource> open_array(const ArrayName& array, std::size_t rank);

// The arrays of floating numbers in a file, in its order, at most the first `arrays_listed`; the one of an
// .npy has no name. Errors: as open_array's.
struct ArrayInfo {
    std::string name, type;
    std::vector<std::int64_t> shape;
};
inline constexpr std::size_t arrays_listed = 1000;
std::vector<ArrayInfo> list_arrays(const std::string& file);
bool holds_arrays(const std::string& file);  // .npy or .npz, by its first bytes

}  // namespace deadscope

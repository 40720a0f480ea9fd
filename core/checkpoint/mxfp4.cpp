// Unpacked as they are read: bytes of one row after another, laid out as columns.
#include "core/checkpoint/mxfp4.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/error.h"

namespace deadscope {
namespace {

constexpr std::int64_t block_bytes = 16;
constexpr std::uint64_t block_numbers = 32;
constexpr double values[16] = {0.0,  0.5,  1.0,  1.5,  2.0,  3.0,  4.0,  6.0,
                               -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0};  // E2M1

struct Place {
    const WeightsFile* file = nullptr;
    const TensorInfo* tensor = nullptr;
};

struct Packed {
    Place blocks, scales;
    std::uint64_t rows = 0, columns = 0;  // of the packed matrix; the tensor is its transpose
};

// Thread rule: immutable; read() may be called from any thread.
class Mxfp4File final : public WeightsFile {
public:
    Mxfp4File(std::vector<TensorInfo> tensors, std::map<std::string, Packed> packed)
        : tensors_(std::move(tensors)), packed_(std::move(packed)) {}

    const std::string& path() const override { return packed_.begin()->second.blocks.file->path(); }
    std::uint64_t size() const override { return 0; }  // the blocks are counted where they are
    const std::vector<TensorInfo>& tensors() const override { return tensors_; }
    void read(const TensorInfo& tensor, ElementRange range, std::span<float> out) const override {
        unpack(tensor, range, out);
    }
    void read(const TensorInfo& tensor, ElementRange range, std::span<double> out) const override {
        unpack(tensor, range, out);
    }

    void prefetch(const TensorInfo& tensor, ElementRange range) const override {
        const Place& blocks = packed_.at(tensor.name).blocks;
        blocks.file->prefetch(*blocks.tensor, matrices_of(tensor, range));
    }
    void release(const TensorInfo& tensor, ElementRange range) const override {
        const Place& blocks = packed_.at(tensor.name).blocks;
        blocks.file->release(*blocks.tensor, matrices_of(tensor, range));
    }

private:
    // The bytes of the matrices that the range touches: of each, every row is.
    ElementRange matrices_of(const TensorInfo& tensor, ElementRange range) const {
        const Packed& packed = packed_.at(tensor.name);
        const std::uint64_t size = packed.rows * packed.columns;
        const std::uint64_t first = range.first / size, last = (range.first + range.count + size - 1) / size;
        return {first * size / 2, (last - first) * size / 2};
    }
    template <class T>
    void unpack(const TensorInfo& tensor, ElementRange range, std::span<T> out) const;

    std::vector<TensorInfo> tensors_;
    std::map<std::string, Packed> packed_;
};

// Element (column, row) of matrix m is number `column` of the packed row.
template <class T>
void Mxfp4File::unpack(const TensorInfo& tensor, ElementRange range, std::span<T> out) const {
    if (range.first > tensor.elements || range.count > tensor.elements - range.first ||
        range.count != out.size())
        throw Error::input("A range beyond the end of a tensor was asked for",
                           {.file = path(), .key = tensor.name});
    const Packed& packed = packed_.at(tensor.name);
    const std::uint64_t matrix_size = packed.rows * packed.columns, groups = packed.columns / block_numbers;
    std::vector<float> bytes, scales;
    for (std::uint64_t done = 0; done < range.count;) {
        const std::uint64_t at = range.first + done, matrix = at / matrix_size, begin = at % matrix_size;
        const std::uint64_t end = std::min(matrix_size, begin + (range.count - done));
        // Columns of the packed rows that the part of this matrix touches, in whole groups.
        const std::uint64_t group = begin / packed.rows / block_numbers,
                            group_end = (end - 1) / packed.rows / block_numbers + 1;
        bytes.resize((group_end - group) * block_bytes);
        scales.resize(group_end - group);
        for (std::uint64_t row = 0; row < packed.rows; ++row) {
            const std::uint64_t first = (matrix * packed.rows + row) * groups + group;
            packed.blocks.file->read(*packed.blocks.tensor, {first * block_bytes, bytes.size()},
                                     std::span<float>(bytes));
            packed.scales.file->read(*packed.scales.tensor, {first, scales.size()}, std::span<float>(scales));
            for (std::uint64_t column = group * block_numbers; column < group_end * block_numbers; ++column) {
                const std::uint64_t place = column * packed.rows + row;  // in the tensor's matrix
                if (place < begin || place >= end) continue;
                const std::uint64_t number = column - group * block_numbers;
                const auto byte = static_cast<unsigned>(bytes[number / 2]);
                const double value = values[number % 2 == 0 ? byte & 15u : byte >> 4u];
                const int exponent = static_cast<int>(scales[number / block_numbers]) - 127;
                out[done + place - begin] = static_cast<T>(std::ldexp(value, exponent));
            }
        }
        done += end - begin;
    }
}

bool fits(const TensorInfo& blocks, const TensorInfo& scales) {
    const std::size_t rank = scales.shape.size();
    return blocks.dtype == DType::u8 && scales.dtype == DType::u8 && (rank == 2 || rank == 3) &&
           blocks.shape.size() == rank + 1 && blocks.shape.back() == block_bytes &&
           std::equal(scales.shape.begin(), scales.shape.end(), blocks.shape.begin()) && blocks.elements > 0;
}

}  // namespace

std::unique_ptr<WeightsFile> open_mxfp4(std::span<const std::unique_ptr<WeightsFile>> files) {
    constexpr std::string_view ending = "_blocks";
    std::map<std::string_view, Place> all;
    for (const auto& file : files)
        for (const TensorInfo& tensor : file->tensors()) all[tensor.name] = {file.get(), &tensor};
    std::vector<TensorInfo> tensors;
    std::map<std::string, Packed> packed;
    for (const auto& [blocks_name, blocks] : all) {
        if (!blocks_name.ends_with(ending)) continue;
        const std::string name(blocks_name.substr(0, blocks_name.size() - ending.size()));
        const auto scales = all.find(name + "_scales");
        if (scales == all.end() || all.contains(name) || !fits(*blocks.tensor, *scales->second.tensor))
            continue;
        const std::vector<std::int64_t>& shape = scales->second.tensor->shape;
        const std::int64_t columns = shape.back() * static_cast<std::int64_t>(block_numbers),
                           rows = shape[shape.size() - 2];
        TensorInfo tensor{.name = name, .dtype = DType::mxfp4, .shape = {columns, rows}};
        if (shape.size() == 3) tensor.shape.insert(tensor.shape.begin(), shape[0]);
        tensor.elements = blocks.tensor->elements * 2;  // fits: a file's bytes, twice
        tensor.offset = blocks.tensor->offset;
        tensor.bytes = blocks.tensor->bytes + scales->second.tensor->bytes;
        tensors.push_back(std::move(tensor));
        packed[name] = {blocks, scales->second, static_cast<std::uint64_t>(rows),
                        static_cast<std::uint64_t>(columns)};
    }
    if (tensors.empty()) return nullptr;
    return std::make_unique<Mxfp4File>(std::move(tensors), std::move(packed));
}

}  // namespace deadscope

// A weight in memory, stored as a file would, for Backend::hold().
#pragma once

#include <atomic>
#include <cstring>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/error.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/quantised.h"

namespace deadscope::testing {

// Thread rule: as StoredRows.
class StoredTable final : public StoredRows {
public:
    // bytes: [rows, row_bytes] of a dtype; as_stored: false where only the values may be asked for.
    StoredTable(DType dtype, std::size_t rows, std::size_t cols, std::vector<std::byte> bytes,
                bool as_stored = true)
        : dtype_(dtype),
          rows_(rows),
          cols_(cols),
          row_bytes_(bytes.size() / rows),
          bytes_(std::move(bytes)),
          as_stored_(as_stored) {}

    std::size_t rows() const override { return rows_; }
    std::size_t cols() const override { return cols_; }
    void read(std::size_t row, std::size_t first, std::span<float> out) const override {
        read_any(row, first, out);
    }
    void read(std::size_t row, std::size_t first, std::span<double> out) const override {
        read_any(row, first, out);
    }
    std::optional<DType> stored_as() const override {
        return as_stored_ ? std::optional(dtype_) : std::nullopt;
    }
    std::size_t row_bytes() const override { return row_bytes_; }
    void stored(std::size_t first, std::size_t count, std::span<std::byte> out) const override {
        std::memcpy(out.data(), bytes_.data() + first * row_bytes_, count * row_bytes_);
    }
    void release() const override { released = true; }

    mutable std::atomic<bool> released = false;

private:
    template <typename T>
    void read_any(std::size_t row, std::size_t first, std::span<T> out) const {
        const std::byte* from = bytes_.data() + row * row_bytes_;
        if (is_quantised(dtype_)) {
            std::vector<float> all(cols_);
            dequantise(dtype_, from, cols_ / quantised_kind(dtype_).elements, all.data());
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(all[first + i]);
        } else {
            convert_elements(dtype_, from + first * (row_bytes_ / cols_), out.size(), out.data());
        }
        for (const T value : out)
            if (!std::isfinite(value))
                throw Error::input("a weight is not finite", {.key = "row " + std::to_string(row)});
    }

    DType dtype_;
    std::size_t rows_, cols_, row_bytes_;
    std::vector<std::byte> bytes_;
    bool as_stored_;
};

}  // namespace deadscope::testing

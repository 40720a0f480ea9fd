// The weight of a LinearSpec, or of some of its outputs, as rows that a backend may take in any portions:
// which elements of a tensor they are. Conversion and checks are the WeightSource's.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/backend/backend.h"
#include "core/model/plan.h"
#include "core/model/weights.h"

namespace deadscope {

// Rows are outputs [outputs, in], or inputs [in, outputs] where the tensor is stored so.
// Thread rule: as StoredRows.
class LinearRows final : public StoredRows {
public:
    // Outputs [first_out, first_out + count) of spec; spec and weights outlive this.
    LinearRows(const WeightSource& weights, const LinearSpec& spec, std::size_t first_out, std::size_t count);

    std::size_t rows() const override { return spec_.stored_in_out ? in_ : outputs_; }
    std::size_t cols() const override { return spec_.stored_in_out ? outputs_ : in_; }
    void read(std::size_t row, std::size_t first, std::span<float> out) const override {
        read_panel(row, 1, first, out.size(), out.data(), out.size());
    }
    void read(std::size_t row, std::size_t first, std::span<double> out) const override {
        read_panel(row, 1, first, out.size(), out.data(), out.size());
    }
    void read_panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width, float* out,
                    std::size_t stride) const override {
        panel(first, count, from, width, out, stride);
    }
    void read_panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width, double* out,
                    std::size_t stride) const override {
        panel(first, count, from, width, out, stride);
    }
    std::optional<DType> stored_as() const override { return stored_as_; }
    std::size_t row_bytes() const override { return row_bytes_; }
    void stored(std::size_t first, std::size_t count, std::span<std::byte> out) const override;
    void release() const override;

private:
    // Outputs that lie one after another in the tensor: from `first` of these outputs on, from row (or
    // column) `place` of the tensor on.
    struct Run {
        std::size_t first, count, place;
    };
    template <typename T>
    void panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width, T* out,
               std::size_t stride) const;
    // body(run, first, count): the parts of the runs inside outputs [first, first + count).
    template <typename Body>
    void for_runs(std::size_t first, std::size_t count, const Body& body) const;

    const WeightSource& weights_;
    const LinearSpec& spec_;
    std::size_t in_, outputs_;
    std::size_t width_ = 0, start_ = 0;  // elements: of a row of the tensor, and before the spec's matrix
    std::vector<Run> runs_;
    std::optional<DType> stored_as_;
    std::size_t row_bytes_ = 0;
};

}  // namespace deadscope

// See linear_rows.h, and LinearSpec for how fused tensors interleave their parts.
#include "core/forward/linear_rows.h"

#include <algorithm>

#include "core/checkpoint/quantised.h"

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// Of a row of `width` elements; 0 where it holds no whole number of blocks.
std::size_t bytes_of_row(DType dtype, std::size_t width) {
    if (!is_quantised(dtype)) return width * (dtype_bits(dtype) / 8);
    const QuantisedKind& kind = quantised_kind(dtype);
    return width % kind.elements == 0 ? width / kind.elements * kind.bytes : 0;
}

}  // namespace

LinearRows::LinearRows(const WeightSource& weights, const LinearSpec& spec, std::size_t first_out,
                       std::size_t count)
    : weights_(weights), spec_(spec), in_(size(spec.in)), outputs_(count) {
    const std::vector<std::int64_t>& shape = spec.weight.shape;
    width_ = spec.stored_in_out ? size(shape.back()) : in_;
    const std::size_t matrix_rows =
        spec.stored_in_out || shape.size() < 2 ? in_ : size(shape[shape.size() - 2]);
    start_ = size(spec.matrix) * matrix_rows * width_;
    const std::size_t place = size(spec.first_row), group = size(spec.group_rows);
    for (std::size_t done = 0; done < count;) {
        const std::size_t out = first_out + done, within = group == 0 ? 0 : out % group;
        const std::size_t length = group == 0 ? count : std::min(group - within, count - done);
        runs_.push_back(
            {done, length, place + (group == 0 ? out : out / group * size(spec.group_stride) + within)});
        done += length;
    }
    // Bytes are given of whole rows of the tensor only.
    const bool whole = !spec.stored_in_out || (runs_.size() == 1 && count == width_);
    const std::optional<DType> dtype = whole ? weights.stored_as(spec.weight) : std::nullopt;
    row_bytes_ = dtype ? bytes_of_row(*dtype, width_) : 0;
    if (row_bytes_ > 0) stored_as_ = dtype;
}

template <typename Body>
void LinearRows::for_runs(std::size_t first, std::size_t count, const Body& body) const {
    const auto behind = [](std::size_t value, const Run& run) { return value < run.first + run.count; };
    auto run = std::upper_bound(runs_.begin(), runs_.end(), first, behind);
    for (std::size_t at = first; at < first + count; ++run) {
        const std::size_t length = std::min(run->first + run->count, first + count) - at;
        body(run->place + (at - run->first), at - first, length);
        at += length;
    }
}

template <typename T>
void LinearRows::panel(std::size_t first, std::size_t count, std::size_t from, std::size_t width, T* out,
                       std::size_t stride) const {
    if (count == 0 || width == 0) return;
    if (spec_.stored_in_out) {
        for_runs(from, width, [&](std::size_t place, std::size_t at, std::size_t length) {
            weights_.read_rows(spec_.weight, {start_ + first * width_ + place, length, width_, count},
                               out + at, stride);
        });
        return;
    }
    for_runs(first, count, [&](std::size_t place, std::size_t at, std::size_t length) {
        weights_.read_rows(spec_.weight, {start_ + place * width_ + from, width, width_, length},
                           out + at * stride, stride);
    });
}

template void LinearRows::panel(std::size_t, std::size_t, std::size_t, std::size_t, float*,
                                std::size_t) const;
template void LinearRows::panel(std::size_t, std::size_t, std::size_t, std::size_t, double*,
                                std::size_t) const;

void LinearRows::stored(std::size_t first, std::size_t count, std::span<std::byte> out) const {
    const auto copy = [&](std::size_t place, std::size_t at, std::size_t length) {
        weights_.stored(spec_.weight, {start_ + place * width_, length * width_},
                        out.subspan(at * row_bytes_, length * row_bytes_));
    };
    if (spec_.stored_in_out) return copy(first, 0, count);
    for_runs(first, count, copy);
}

void LinearRows::release() const {
    if (runs_.empty()) return;
    if (spec_.stored_in_out) return weights_.release(spec_.weight, {start_, in_ * width_});
    std::size_t least = runs_.front().place, most = 0;
    for (const Run& run : runs_) {
        least = std::min(least, run.place);
        most = std::max(most, run.place + run.count);
    }
    weights_.release(spec_.weight, {start_ + least * width_, (most - least) * width_});
}

}  // namespace deadscope

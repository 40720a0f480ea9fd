// Runs along the last axis: neighbours are converted together, others are first brought together.
#include "core/checkpoint/strided.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/checkpoint/dtype.h"

namespace deadscope {
namespace {

constexpr std::size_t rank_limit = 16, batch = 256;  // batch: elements brought together at a time

template <class T>
void bring(const std::byte* from, std::uint64_t stride, std::size_t count, std::byte* to) {
    for (std::size_t i = 0; i < count; ++i)
        std::memcpy(to + i * sizeof(T), from + i * stride * sizeof(T), sizeof(T));
}

// `count` elements, `stride` apart.
template <class To>
void convert_run(DType dtype, const std::byte* from, std::uint64_t stride, std::size_t count, To* to) {
    if (stride == 1 || count == 1) return convert_elements(dtype, from, count, to);
    const std::size_t size = dtype_bits(dtype) / 8;
    std::array<std::byte, batch * 8> together;
    for (std::size_t done = 0; done < count;) {
        const std::size_t now = std::min(batch, count - done);
        const std::byte* const first = from + done * stride * size;
        switch (size) {
            case 1:
                bring<std::uint8_t>(first, stride, now, together.data());
                break;
            case 2:
                bring<std::uint16_t>(first, stride, now, together.data());
                break;
            case 4:
                bring<std::uint32_t>(first, stride, now, together.data());
                break;
            default:
                bring<std::uint64_t>(first, stride, now, together.data());
        }
        convert_elements(dtype, together.data(), now, to + done);
        done += now;
    }
}

template <class To>
void gather_all(StridedLayout layout, ElementRange range, DType dtype, const std::byte* from, To* to) {
    const std::size_t size = dtype_bits(dtype) / 8, last = layout.rank - 1;
    std::array<std::uint64_t, rank_limit> index{};
    std::uint64_t rest = range.first, position = 0;  // position: elements from the view's beginning
    for (std::size_t i = layout.rank; i-- > 0;) {
        const auto extent = static_cast<std::uint64_t>(layout.shape[i]);
        index[i] = rest % extent;
        rest /= extent;
        position += index[i] * static_cast<std::uint64_t>(layout.strides[i]);
    }
    const auto along = static_cast<std::uint64_t>(layout.strides[last]);
    for (std::uint64_t done = 0; done < range.count;) {
        const auto width = static_cast<std::uint64_t>(layout.shape[last]);
        const std::uint64_t run = std::min(range.count - done, width - index[last]);
        convert_run(dtype, from + position * size, along, run, to + done);
        done += run;
        index[last] += run;
        position += run * along;
        for (std::size_t i = last; i > 0 && index[i] == static_cast<std::uint64_t>(layout.shape[i]); --i) {
            position -= index[i] * static_cast<std::uint64_t>(layout.strides[i]);
            index[i] = 0;
            ++index[i - 1];
            position += static_cast<std::uint64_t>(layout.strides[i - 1]);
        }
    }
}

}  // namespace

bool is_contiguous(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
    std::int64_t expected = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        if (shape[i] == 1) continue;
        if (strides[i] != expected) return false;
        expected *= shape[i];  // cannot overflow: the product of the shape was checked
    }
    return true;
}

void gather(StridedLayout layout, ElementRange range, DType dtype, const std::byte* from, float* to) {
    gather_all(layout, range, dtype, from, to);
}
void gather(StridedLayout layout, ElementRange range, DType dtype, const std::byte* from, double* to) {
    gather_all(layout, range, dtype, from, to);
}

}  // namespace deadscope

// Which elements of a tensor the rows of a linear map are: plain, fused in groups, one matrix of several, and
// stored the other way round.
#include "core/forward/linear_rows.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace deadscope {
namespace {

// Element i of the tensor is i, and its bytes are those of float(i).
class Counting final : public WeightSource {
public:
    void read(const WeightRef&, ElementRange range, std::span<float> out) const override {
        std::iota(out.begin(), out.end(), static_cast<float>(range.first));
    }
    void read(const WeightRef&, ElementRange range, std::span<double> out) const override {
        std::iota(out.begin(), out.end(), static_cast<double>(range.first));
    }
    std::optional<DType> stored_as(const WeightRef&) const override { return DType::f32; }
    void stored(const WeightRef& weight, ElementRange range, std::span<std::byte> out) const override {
        std::vector<float> values(range.count);
        read(weight, range, std::span(values));
        ASSERT_EQ(out.size(), values.size() * sizeof(float));
        std::memcpy(out.data(), values.data(), out.size());
    }
    void release(const WeightRef&, ElementRange range) const override { released = range; }
    NormParameters norm(const NormSpec&) const override { return {}; }
    mutable ElementRange released;
};

LinearSpec spec_of(std::vector<std::int64_t> shape, std::int64_t in, std::int64_t out) {
    LinearSpec spec;
    spec.weight = {"w", std::move(shape), {}};
    spec.in = in;
    spec.out = out;
    return spec;
}

// at(row, column): the element that is expected there.
template <typename At>
void expect_rows(const LinearRows& rows, const At& at) {
    const std::size_t count = rows.rows(), width = rows.cols();
    for (std::size_t first : {std::size_t{0}, count / 2}) {
        for (std::size_t from : {std::size_t{0}, width / 3}) {
            const std::size_t n = count - first, w = width - from, stride = w + 3;
            std::vector<float> panel(n * stride, -1.0f);
            rows.read_panel(first, n, from, w, panel.data(), stride);
            std::vector<double> row(w);
            for (std::size_t i = 0; i < n; ++i) {
                rows.read(first + i, from, std::span(row));
                for (std::size_t j = 0; j < w; ++j) {
                    const double expected = static_cast<double>(at(first + i, from + j));
                    ASSERT_EQ(static_cast<double>(panel[i * stride + j]), expected) << i << ", " << j;
                    ASSERT_EQ(row[j], expected) << i << ", " << j;
                }
                if (i + 1 < n) {
                    ASSERT_EQ(panel[i * stride + w], -1.0f);
                }
            }
        }
    }
    if (!rows.stored_as()) return;
    ASSERT_EQ(rows.row_bytes(), width * sizeof(float));
    std::vector<float> stored((count - 1) * width);
    rows.stored(1, count - 1, std::as_writable_bytes(std::span(stored)));
    for (std::size_t i = 0; i + 1 < count; ++i)
        for (std::size_t j = 0; j < width; ++j)
            ASSERT_EQ(stored[i * width + j], static_cast<float>(at(i + 1, j)));
}

TEST(LinearRows, Plain) {
    const Counting weights;
    const LinearSpec spec = spec_of({9, 5}, 5, 9);
    const LinearRows rows(weights, spec, 2, 6);
    ASSERT_EQ(rows.rows(), 6u);
    EXPECT_TRUE(rows.stored_as());
    expect_rows(rows, [](std::size_t i, std::size_t j) { return (i + 2) * 5 + j; });
    rows.release();
    EXPECT_EQ(weights.released.first, 10u);
    EXPECT_EQ(weights.released.count, 30u);
}

TEST(LinearRows, FusedInGroups) {  // of 8 rows of a group the 3 from the second on
    const Counting weights;
    LinearSpec spec = spec_of({24, 7}, 7, 9);
    spec.first_row = 1;
    spec.group_rows = 3;
    spec.group_stride = 8;
    const auto at = [](std::size_t out, std::size_t j) { return (1 + out / 3 * 8 + out % 3) * 7 + j; };
    expect_rows(LinearRows(weights, spec, 0, 9), at);
    expect_rows(LinearRows(weights, spec, 4, 4), [&](std::size_t i, std::size_t j) { return at(i + 4, j); });
}

TEST(LinearRows, OneMatrixOfSeveral) {
    const Counting weights;
    LinearSpec spec = spec_of({4, 6, 5}, 5, 3);
    spec.matrix = 2;
    spec.first_row = 3;
    expect_rows(LinearRows(weights, spec, 0, 3),
                [](std::size_t i, std::size_t j) { return 2 * 6 * 5 + (i + 3) * 5 + j; });
}

TEST(LinearRows, StoredInOut) {
    const Counting weights;
    LinearSpec spec = spec_of({5, 12}, 5, 4);
    spec.stored_in_out = true;
    spec.first_row = 4;
    const LinearRows part(weights, spec, 0, 4);
    EXPECT_FALSE(part.stored_as()) << "bytes are of whole rows of the tensor";
    expect_rows(part, [](std::size_t i, std::size_t j) { return i * 12 + 4 + j; });
    spec.group_rows = 2;
    spec.group_stride = 6;
    spec.first_row = 0;
    expect_rows(LinearRows(weights, spec, 1, 3), [](std::size_t i, std::size_t j) {
        const std::size_t out = j + 1;
        return i * 12 + out / 2 * 6 + out % 2;
    });
    const LinearSpec whole = [&] {
        LinearSpec all = spec_of({5, 12}, 5, 12);
        all.stored_in_out = true;
        return all;
    }();
    const LinearRows all(weights, whole, 0, 12);
    EXPECT_TRUE(all.stored_as());
    expect_rows(all, [](std::size_t i, std::size_t j) { return i * 12 + j; });
}

}  // namespace
}  // namespace deadscope

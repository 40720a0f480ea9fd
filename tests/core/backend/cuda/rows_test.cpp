// The row-wise kernels beside the CPU backend in f64, on the same rounded inputs: odd sizes, rows that are
// apart, and starts that no pack may be read from.
#include <functional>

#include "tests/core/backend/cuda/device.h"

namespace deadscope::testing {
namespace {

class CudaRows : public Kernels {
protected:
    using OnDevice = std::function<void(const cuda::View& x)>;
    using OnHost = std::function<void(Matrix& x)>;

    // x [rows, cols] changed by both; `noise` as in near().
    void compare(const Table& values, Inset inset, double noise, const OnDevice& device, const OnHost& host) {
        const DeviceMatrix x(element(), values, inset);
        device(x.view());
        Matrix expected = upload(*cpu_, x.values());
        host(expected);
        EXPECT_TRUE(near(element(), x.download(), download(*cpu_, expected), noise))
            << values.rows << " × " << values.cols << ", " << inset.before << " and " << inset.between
            << " elements apart";
    }

    // Sizes that fill packs, warps and blocks, and that do not.
    template <typename F>
    static void for_shapes(const F& f) {
        for (const std::size_t cols : {1, 8, 31, 33, 64, 257, 2304}) {
            for (const Inset inset : {Inset{}, Inset{0, 8}, Inset{1, 0}, Inset{3, 5}}) f(7, cols, inset);
        }
        f(300, 5, Inset{});
        f(0, 5, Inset{});
        f(5, 0, Inset{});
    }
};

INSTANTIATE_TEST_SUITE_P(Elements, CudaRows, all_elements(), element_name);

TEST_P(CudaRows, AddsMultipliesAndScales) {
    for_shapes([&](std::size_t rows, std::size_t cols, Inset inset) {
        const Table values = random_table(rows, cols, "x");
        const DeviceMatrix other(element(), random_table(rows, cols, "other"), inset);
        const DeviceMatrix row(element(), random_table(1, cols, "row"), inset);
        const Matrix other_host = upload(*cpu_, other.values()), row_host = upload(*cpu_, row.values());
        compare(
            values, inset, 16, [&](auto x) { cuda::add(at(), other.view(), x, 0.375); },
            [&](Matrix& x) { cpu_->add(other_host, x, 0.375); });
        compare(
            values, inset, 16, [&](auto x) { cuda::add_row(at(), row.view(), x); },
            [&](Matrix& x) { cpu_->add_row(row_host, x); });
        compare(
            values, inset, 16, [&](auto x) { cuda::multiply_row(at(), row.view(), x); },
            [&](Matrix& x) { cpu_->multiply_row(row_host, x); });
        compare(
            values, inset, 16, [&](auto x) { cuda::multiply(at(), other.view(), x); },
            [&](Matrix& x) { cpu_->multiply(other_host, x); });
        compare(
            values, inset, 8, [&](auto x) { cuda::scale(at(), 1.0 / 3, x); },
            [&](Matrix& x) { cpu_->scale(1.0 / 3, x); });
    });
}

TEST_P(CudaRows, OneMatrixMayLieWithItsPacksAndTheOtherNot) {
    const DeviceMatrix other(element(), random_table(5, 64, "other"), {1, 1});
    const Matrix host = upload(*cpu_, other.values());
    for (const Inset inset : {Inset{}, Inset{8, 8}, Inset{2, 2}}) {
        compare(
            random_table(5, 64, "x"), inset, 16, [&](auto x) { cuda::add(at(), other.view(), x, 1.0); },
            [&](Matrix& x) { cpu_->add(host, x, 1.0); });
    }
}

// More rows, and more columns, than one launch has blocks for.
TEST_P(CudaRows, GoesOverMoreThanItsBlocks) {
    for (const auto& [rows, cols] : {std::pair{4100, 300}, {3, 140000}}) {
        const auto down = static_cast<std::size_t>(rows), across = static_cast<std::size_t>(cols);
        for (const Inset inset : {Inset{}, Inset{1, 0}}) {
            compare(
                random_table(down, across, "x"), inset, 8, [&](auto x) { cuda::scale(at(), 1.0 / 3, x); },
                [&](Matrix& x) { cpu_->scale(1.0 / 3, x); });
        }
    }
}

TEST_P(CudaRows, BoundsWhatItHolds) {
    for_shapes([&](std::size_t rows, std::size_t cols, Inset inset) {
        const Table values = random_table(rows, cols, "x");
        compare(
            values, inset, 0, [&](auto x) { cuda::clamp(at(), -0.5, 0.75, x); },
            [&](Matrix& x) { cpu_->clamp(-0.5, 0.75, x); });
        // The argument and the function round by a unit each.
        compare(
            values, inset, 8, [&](auto x) { cuda::cap(at(), 1.5, x); },
            [&](Matrix& x) { cpu_->cap(1.5, x); });
    });
}

TEST_P(CudaRows, ClampLeavesWhatIsNotANumber) {
    Table values(1, 9);
    values.values[4] = std::numeric_limits<long double>::quiet_NaN();
    values.values[5] = std::numeric_limits<long double>::infinity();
    const DeviceMatrix x(element(), values);
    cuda::clamp(at(), -1.0, 2.0, x.view());
    const std::vector<double> out = x.download();
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_EQ(out[5], 2.0);
    EXPECT_EQ(out[0], 0.0);
}

TEST_P(CudaRows, KnowsEveryActivation) {
    Table values(3, 1001);
    for (std::size_t i = 0; i < values.values.size(); ++i) {
        values.values[i] = (static_cast<long double>(i) - 1500.0L) / 75.0L;  // [-20, 20]
    }
    for (const Activation activation :
         {Activation::identity, Activation::gelu, Activation::gelu_tanh, Activation::gelu_bloom,
          Activation::quick_gelu, Activation::relu, Activation::silu, Activation::tanh,
          Activation::relu_squared, Activation::sigmoid, Activation::mish, Activation::elu,
          Activation::leaky_relu}) {
        SCOPED_TRACE(static_cast<int>(activation));
        // Up to 20 times a factor that was rounded near 1; in f64 the CPU's own exponential takes its part.
        compare(
            values, {0, 2}, 80, [&](auto x) { cuda::activate(at(), activation, x); },
            [&](Matrix& x) { cpu_->activate(activation, x); });
    }
}

TEST_P(CudaRows, GathersAndScatters) {
    for_shapes([&](std::size_t rows, std::size_t cols, Inset inset) {
        std::vector<std::int32_t> ids(rows), distinct(rows);
        std::vector<double> weights(rows);
        for (std::size_t i = 0; i < rows; ++i) {
            ids[i] = static_cast<std::int32_t>(i * i % 11);
            distinct[i] = static_cast<std::int32_t>(rows - 1 - i);
            weights[i] = 0.1 * static_cast<double>(i) - 0.3;
        }
        const DeviceArray<std::int32_t> ids_at(ids), distinct_at(distinct);
        const DeviceArray<double> weights_at(weights);
        const DeviceMatrix table(element(), random_table(11, cols, "table"), inset);
        const DeviceMatrix from(element(), random_table(rows, cols, "from"), inset);
        const Matrix table_host = upload(*cpu_, table.values()), from_host = upload(*cpu_, from.values());
        const Table values = random_table(rows, cols, "x");
        compare(
            values, inset, 16, [&](auto x) { cuda::gather_add(at(), table.view(), ids_at.data(), 0.625, x); },
            [&](Matrix& x) { cpu_->gather_add(table_host, ids, 0.625, x); });
        compare(
            values, inset, 32 + static_cast<double>(rows),
            [&](auto x) { cuda::scatter_add(at(), from.view(), distinct_at.data(), weights_at.data(), x); },
            [&](Matrix& x) { cpu_->scatter_add(from_host, distinct, weights, x); });
    });
}

TEST_P(CudaRows, FillsRowsWithOne) {
    for_shapes([&](std::size_t rows, std::size_t cols, Inset inset) {
        const DeviceMatrix row(element(), random_table(1, cols, "row"));
        const DeviceMatrix to(element(), random_table(rows, cols, "x"), inset);
        cuda::set_rows(at(), row.view(), to.view());
        const std::vector<double> out = to.download();
        for (std::size_t i = 0; i < out.size(); ++i) {
            ASSERT_EQ(out[i], static_cast<double>(row.values().values[i % cols]));
        }
    });
}

}  // namespace
}  // namespace deadscope::testing

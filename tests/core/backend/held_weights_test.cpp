// Weights that stay where they are stored until they are used: what comes out is what a weight in memory
// gives, whether linear() brings them in panel by panel or hold() sends them to a device.
#include <atomic>
#include <tuple>

#include "core/base/error.h"
#include "tests/core/backend/backends.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {
namespace {

class TableRows final : public StoredRows {
public:
    TableRows(const Table& table, std::atomic<int>& released) : table_(table), released_(released) {}
    std::size_t rows() const override { return table_.rows; }
    std::size_t cols() const override { return table_.cols; }
    void read(std::size_t row, std::size_t first, std::span<float> out) const override {
        copy(row, first, out);
    }
    void read(std::size_t row, std::size_t first, std::span<double> out) const override {
        copy(row, first, out);
    }
    void release() const override { ++released_; }

private:
    template <typename T>
    void copy(std::size_t row, std::size_t first, std::span<T> out) const {
        if (table_.rows == 800 && row == 777) throw Error::input("row 777");
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(table_(row, first + i));
    }
    const Table& table_;
    std::atomic<int>& released_;
};

class Held : public ::testing::TestWithParam<std::tuple<Precision, BackendKind>> {
protected:
    std::unique_ptr<Backend> backend_ = std::get<1>(GetParam()).make(std::get<0>(GetParam()));
    std::atomic<int> released_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Precisions, Held,
                         ::testing::Combine(::testing::Values(Precision::f64, Precision::f32),
                                            ::testing::ValuesIn(backend_kinds())),
                         [](const auto& combination) {
                             return std::string(precision_name(std::get<0>(combination.param))) + "_" +
                                    std::get<1>(combination.param).words();
                         });

TEST_P(Held, LinearIsThatOfTheSameWeightInMemory) {
    for (const bool in_out : {false, true}) {
        for (const auto& [in, out] : {std::pair{37u, 700u}, {130u, 65u}, {64u, 1u}, {9000u, 260u}}) {
            const Table x = random_table(19, in, "x"), bias = random_table(1, out, "b");
            const Table w = random_table(in_out ? in : out, in_out ? out : in, "w");
            const Matrix a = upload(*backend_, x), b = upload(*backend_, bias), whole = upload(*backend_, w);
            Matrix held = backend_->hold(std::make_shared<TableRows>(w, released_));
            Matrix expected = backend_->allocate(x.rows, out), actual = backend_->allocate(x.rows, out);
            backend_->linear(a, whole, in_out, &b, expected);
            backend_->linear(a, held, in_out, &b, actual);
            EXPECT_EQ(download(*backend_, actual), download(*backend_, expected));
            // A part of its outputs, as a pass takes them in steps.
            const std::size_t first = out / 3, count = out - first;
            Matrix part = backend_->allocate(x.rows, count);
            const Matrix view = in_out ? held.columns(first, count) : held.row_range(first, count);
            const Matrix bias_part = b.columns(first, count);
            backend_->linear(a, view, in_out, &bias_part, part);
            const auto tolerance = 64.0 * epsilon(std::get<0>(GetParam())) * static_cast<double>(in);
            std::vector<long double> rest;
            for (const double value : download(*backend_, expected.columns(first, count)))
                rest.push_back(value);
            EXPECT_TRUE(close(download(*backend_, part), rest, tolerance));
            const int before = released_;
            held = {};
            EXPECT_EQ(released_, before) << "a view still has it";
        }
    }
    EXPECT_EQ(released_, 8);
}

TEST_P(Held, AnErrorOfReadingArrives) {
    const Table w = random_table(800, 8, "w"), x = random_table(2, 8, "x");
    const Matrix a = upload(*backend_, x);
    Matrix y = backend_->allocate(2, 800);
    const auto use = [&] {
        const Matrix held = backend_->hold(std::make_shared<TableRows>(w, released_));
        backend_->linear(a, held, false, nullptr, y);
    };
    EXPECT_THROW(use(), Error);
}

}  // namespace
}  // namespace deadscope::testing

// Fewer rows than channels: the rows themselves stand in for the triangular factor, and every number that is
// determined is the same as by the triangle.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/spectra/kernel.h"
#include "core/spectra/residual.h"
#include "core/spectra/singular.h"
#include "core/spectra/tsqr.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

// Both are backward stable: each value is good to a few u of the largest (Higham 2002, §19.3), times √d here.
constexpr double kTolerance = 1e-13;

double dot(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// ‖A x‖ for a factor, square or not.
double image(const Vector& factor, std::span<const double> x) {
    double sum = 0.0;
    for (std::size_t i = 0; i * x.size() < factor.size(); ++i) {
        const double along = dot(std::span(factor).subspan(i * x.size(), x.size()), x);
        sum += along * along;
    }
    return std::sqrt(sum);
}

struct Both {
    TsqrFactor kept, factored;
};
Both both(const Vector& y, std::size_t d) {
    Both out{TsqrFactor(d, y.size() / d), TsqrFactor(d)};
    for (std::size_t first = 0; first < y.size(); first += 7 * d) {
        const auto rows = std::span(y).subspan(first, std::min(7 * d, y.size() - first));
        out.kept.add(rows);
        out.factored.add(rows);
    }
    return out;
}

struct Shape {
    std::size_t rows, d;
};
class FewRows : public testing::TestWithParam<Shape> {
protected:
    std::size_t rows_ = GetParam().rows, d_ = GetParam().d;
    Vector y_ = test::normals(rows_ * d_, 11, 0.4);
};

TEST_P(FewRows, MemoryFollowsTheRows) {
    const TsqrFactor kept = both(y_, d_).kept;
    EXPECT_EQ(kept.centred().size(), rows_ * d_);
    EXPECT_EQ(kept.uncentred().size(), rows_ * d_);
}

TEST_P(FewRows, SpectraAreThoseOfTheTriangle) {
    const Both factors = both(y_, d_);
    for (const bool centred : {false, true}) {
        const Vector kept = centred ? factors.kept.centred() : factors.kept.uncentred();
        const Vector triangle = centred ? factors.factored.centred() : factors.factored.uncentred();
        const Vector values = singular_values(kept, d_), expected = singular_values(triangle, d_);
        ASSERT_EQ(values.size(), d_);
        for (std::size_t i = 0; i < d_; ++i)
            EXPECT_NEAR(values[i], expected[i], kTolerance * expected[0]) << i;
        const ExtremeSingular extremes = extreme_singular(kept, d_);
        EXPECT_NEAR(extremes.largest, expected[0], 1e-9 * expected[0]);  // what Lanczos is asked for
        EXPECT_EQ(extremes.smallest, 0.0) << "by construction";
        EXPECT_NEAR(dot(extremes.bottom, extremes.bottom), 1.0, kTolerance);
        EXPECT_LE(image(kept, extremes.bottom), kTolerance * expected[0]);
        EXPECT_LE(image(triangle, extremes.bottom), kTolerance * expected[0]);
    }
    const Vector mean = factors.kept.mean(), expected = factors.factored.mean();
    for (std::size_t j = 0; j < d_; ++j) EXPECT_NEAR(mean[j], expected[j], 1e-13);
}

TEST_P(FewRows, VectorsAreOrthonormalAndBelongToTheirValues) {
    const Vector factor = both(y_, d_).kept.centred();
    const RightSvd svd = right_svd(factor, d_);
    ASSERT_EQ(svd.resolved(), rows_ + 1);
    for (std::size_t i = 0; i < svd.resolved(); ++i) {
        EXPECT_NEAR(image(factor, svd.vector(i)), i < rows_ ? svd.values[i] : 0.0,
                    kTolerance * svd.values[0]);
        for (std::size_t j = 0; j <= i; ++j)
            EXPECT_NEAR(dot(svd.vector(i), svd.vector(j)), i == j ? 1.0 : 0.0, kTolerance);
    }
    EXPECT_EQ(svd.bottom().data(), svd.vector(rows_).data());
}

TEST_P(FewRows, TheAlignmentsPartsAreTheSame) {
    const Both factors = both(y_, d_);
    const KernelPrediction prediction = predict_kernel(NormKind::layer_norm, test::log_normals(d_, 3, 0.5));
    const Alignment kept = measure_alignment(prediction, right_svd(factors.kept.centred(), d_), rows_, 1e-16);
    const Alignment whole =
        measure_alignment(prediction, right_svd(factors.factored.centred(), d_), rows_, 1e-16);
    EXPECT_FALSE(kept.value.has_value()) << "no alignment of too few tokens";
    EXPECT_EQ(kept.dead_directions, whole.dead_directions);
    EXPECT_EQ(kept.at_noise_floor, whole.at_noise_floor);
    const auto within = [&](const Alignment& alignment, std::size_t first) {
        double sum = 0.0;
        for (std::size_t i = first; i < d_; ++i) sum += alignment.components[i] * alignment.components[i];
        return std::sqrt(sum);
    };
    ASSERT_EQ(kept.components.size(), d_);
    EXPECT_NEAR(within(kept, 0), 1.0, 1e-12);
    EXPECT_NEAR(within(kept, rows_ - 1), within(whole, rows_ - 1), 1e-12) << "v's part in what is dead";
    for (std::size_t i = 0; i + 1 < rows_; ++i)
        EXPECT_NEAR(kept.components[i], whole.components[i], 1e-10) << i;
}

TEST_P(FewRows, ABlocksReadingIsTheSame) {
    const Both factors = both(y_, d_);
    const auto measure = [&](const TsqrFactor& factor) {
        return measure_block(0, factor.uncentred(), factor.centred(), d_, 0x1p-24, nullptr);
    };
    const BlockReading kept = measure(factors.kept), whole = measure(factors.factored);
    EXPECT_NEAR(kept.sigma_max, whole.sigma_max, 1e-9 * whole.sigma_max);
    EXPECT_NEAR(kept.sigma_max_centred, whole.sigma_max_centred, 1e-9 * whole.sigma_max_centred);
    EXPECT_EQ(kept.sigma_min, 0.0);
    EXPECT_LT(whole.sigma_min, kTolerance * whole.sigma_max);
    EXPECT_GT(kept.floor, 0.0) << "along another silent direction, so not the triangle's";
}

INSTANTIATE_TEST_SUITE_P(Shapes, FewRows,
                         testing::Values(Shape{1, 5}, Shape{2, 40}, Shape{39, 40}, Shape{60, 200},
                                         Shape{199, 200}),
                         [](const auto& one) {
                             return std::to_string(one.param.rows) + "Of" + std::to_string(one.param.d);
                         });

TEST(FewRowsThatBecomeMany, AreFactoredAfterAll) {
    constexpr std::size_t d = 30;
    const Vector y = test::normals(100 * d, 12, 3.0);
    TsqrFactor surprised(d, 10), told(d);
    for (std::size_t first = 0; first < 100; first += 9) {
        const auto rows = std::span(y).subspan(first * d, std::min<std::size_t>(9, 100 - first) * d);
        surprised.add(rows);
        told.add(rows);
    }
    EXPECT_EQ(surprised.rows(), 100u);
    const Vector a = singular_values(surprised.centred(), d), b = singular_values(told.centred(), d);
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(a[i], b[i], kTolerance * b[0]);
}

TEST(FewRowsThatBecomeMany, MergeInAnyCombination) {
    constexpr std::size_t d = 30;
    const Vector y = test::normals(44 * d, 13, 3.0);
    TsqrFactor whole(d);
    whole.add(y);
    const Vector expected = singular_values(whole.uncentred(), d);
    for (const std::size_t first_expected : {std::size_t{4}, std::size_t{1000}})
        for (const std::size_t second_expected : {std::size_t{4}, std::size_t{1000}}) {
            TsqrFactor first(d, first_expected), second(d, second_expected);
            first.add(std::span(y).first(20 * d));
            second.add(std::span(y).subspan(20 * d));
            first.merge(second);
            EXPECT_EQ(first.rows(), 44u);
            const Vector values = singular_values(first.uncentred(), d);
            for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(values[i], expected[i], kTolerance * expected[0]);
        }
}

// A constant channel stays exactly silent, however large its value.
TEST(FewRowsConstantChannel, IsExactlyZero) {
    constexpr std::size_t d = 20, rows = 7;
    Vector y = test::normals(rows * d, 14);
    for (std::size_t i = 0; i < rows; ++i) y[i * d + 3] = 1e8 / 3.0;
    TsqrFactor factor(d, rows);
    factor.add(y);
    const Vector centred = factor.centred();
    for (std::size_t i = 0; i < rows; ++i) EXPECT_EQ(centred[i * d + 3], 0.0);
}

}  // namespace
}  // namespace deadscope

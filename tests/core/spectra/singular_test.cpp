// The extremes by iteration against the whole SVD, on triangular factors that are easy, graded, clustered and
// singular.
#include "core/spectra/singular.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "core/base/error.h"
#include "core/spectra/tsqr.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

// The factor of rows whose covariance has about these singular values: normal rows scaled and mixed.
Vector factor_with(const Vector& sigma, unsigned seed) {
    const std::size_t d = sigma.size(), rows = 3 * d;
    const Vector orthogonal = [&] {  // right singular vectors of a normal matrix
        TsqrFactor any(d);
        any.add(test::normals(rows * d, seed + 100));
        return right_svd(any.centred(), d).vectors;
    }();
    Vector y = test::normals(rows * d, seed);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] *= sigma[i % d];
    TsqrFactor factor(d);
    factor.add(test::product(y, orthogonal, rows, d, d));
    return factor.centred();
}

Vector graded(std::size_t d, double last) {
    Vector sigma(d);
    for (std::size_t i = 0; i < d; ++i)
        sigma[i] = std::pow(last, static_cast<double>(i) / static_cast<double>(d - 1));
    return sigma;
}

double image(const Vector& r, const Vector& x) {
    const std::size_t d = x.size();
    double sum = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
        double row = 0.0;
        for (std::size_t j = i; j < d; ++j) row += r[i * d + j] * x[j];
        sum += row * row;
    }
    return std::sqrt(sum);
}

void expect_extremes(const Vector& r, std::size_t d) {
    const RightSvd whole = right_svd(r, d);
    const ExtremeSingular found = extreme_singular(r, d);
    const double doubt = 1e-10 * whole.values.back() + 4e-15 * whole.values.front();
    EXPECT_NEAR(found.smallest, whole.values.back(), doubt);
    EXPECT_NEAR(found.largest, whole.values.front(), 1e-10 * whole.values.front());
    ASSERT_EQ(found.bottom.size(), d);
    double length = 0.0;
    for (const double value : found.bottom) length += value * value;
    EXPECT_NEAR(length, 1.0, 1e-12);
    EXPECT_NEAR(image(r, found.bottom), found.smallest, doubt);
    const double gap = whole.values[d - 2] - whole.values[d - 1];
    if (gap < 1e-3 * whole.values[d - 2]) return;  // the vector is arbitrary inside its cluster
    double along = 0.0;
    for (std::size_t i = 0; i < d; ++i) along += found.bottom[i] * whole.vector(d - 1)[i];
    EXPECT_NEAR(std::abs(along), 1.0, 1e-8 + 1e-14 * whole.values.front() / gap);
}

class ExtremeSingularTest : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Widths, ExtremeSingularTest, testing::Values(2, 20, 64, 130, 300));

TEST_P(ExtremeSingularTest, OrdinaryRows) {
    expect_extremes(factor_with(Vector(GetParam(), 1.0), 1), GetParam());
}

TEST_P(ExtremeSingularTest, GradedOverManyDecades) {
    for (const double last : {1e-3, 1e-8, 1e-12, 1e-16, 1e-30}) {
        SCOPED_TRACE(last);
        expect_extremes(factor_with(graded(GetParam(), last), 2), GetParam());
    }
}

TEST_P(ExtremeSingularTest, ClusteredAtTheBottom) {
    for (const double low : {1e-2, 1e-7, 1e-14}) {
        Vector sigma(GetParam(), 1.0);
        for (std::size_t i = sigma.size() / 2; i < sigma.size(); ++i) sigma[i] = low;
        SCOPED_TRACE(low);
        expect_extremes(factor_with(sigma, 3), GetParam());
    }
}

TEST_P(ExtremeSingularTest, OneDeadDirection) {
    Vector sigma(GetParam(), 1.0);
    sigma.back() = 1e-9;
    expect_extremes(factor_with(sigma, 4), GetParam());
}

TEST_P(ExtremeSingularTest, ExactlySingular) {
    const std::size_t d = GetParam();
    Vector r = factor_with(Vector(d, 1.0), 5);
    for (std::size_t j = 0; j < d; ++j) r[(d / 2) * d + j] = 0.0;  // a zero row
    expect_extremes(r, d);
    for (std::size_t i = 0; i < d; ++i) r[i * d + d - 1] = 0.0;  // and a zero column
    expect_extremes(r, d);
}

TEST_P(ExtremeSingularTest, ADiagonalWithEqualValues) {
    const std::size_t d = GetParam();
    Vector r(d * d, 0.0);
    for (std::size_t i = 0; i < d; ++i) r[i * d + i] = 2.0;
    expect_extremes(r, d);
}

TEST_P(ExtremeSingularTest, ScaleDoesNotMatter) {
    const std::size_t d = GetParam();
    const Vector r = factor_with(graded(d, 1e-4), 6);
    const ExtremeSingular one = extreme_singular(r, d);
    for (const double by : {1e-200, 1e200}) {
        Vector scaled = r;
        for (double& value : scaled) value *= by;
        const ExtremeSingular found = extreme_singular(scaled, d);
        EXPECT_NEAR(found.smallest / by / one.smallest, 1.0, 1e-9);
        EXPECT_NEAR(found.largest / by / one.largest, 1.0, 1e-9);
    }
}

TEST(Singular, FewRowsThanColumns) {
    const std::size_t d = 90;
    TsqrFactor factor(d);
    factor.add(test::normals(20 * d, 7, 1.0));
    const ExtremeSingular found = extreme_singular(factor.uncentred(), d);
    EXPECT_LE(found.smallest, 1e-14 * found.largest);
    EXPECT_NEAR(found.largest, singular_values(factor.uncentred(), d).front(), 1e-10 * found.largest);
}

TEST(Singular, AllZero) {
    const ExtremeSingular found = extreme_singular(Vector(60 * 60, 0.0), 60);
    EXPECT_EQ(found.smallest, 0.0);
    EXPECT_EQ(found.largest, 0.0);
    EXPECT_EQ(found.bottom.size(), 60u);
}

TEST(Singular, WhatIsNotFiniteIsRefused) {
    Vector r(4 * 4, 1.0);
    r[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(right_svd(r, 4), Error);
    EXPECT_THROW(singular_values(r, 4), Error);
    EXPECT_THROW(extreme_singular(r, 4), Error);
}

TEST(Singular, RightVectorsDiagonaliseTheFactor) {
    const std::size_t d = 40;
    const Vector r = factor_with(graded(d, 1e-5), 8);
    const RightSvd svd = right_svd(r, d);
    EXPECT_TRUE(std::ranges::is_sorted(svd.values, std::greater{}));
    for (std::size_t i = 0; i < d; ++i) {
        const Vector x(svd.vector(i).begin(), svd.vector(i).end());
        EXPECT_NEAR(image(r, x), svd.values[i], 1e-14 * svd.values[0]) << "vector " << i;
    }
}

}  // namespace
}  // namespace deadscope

// The streaming factor against a one-shot SVD of the whole matrix: whatever the chunks, the merge order, the
// offset, the dead channels. The SVD beside it is Eigen's, on the matrix itself.
#include "core/spectra/tsqr.h"

#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <algorithm>
#include <numeric>

#include "core/spectra/singular.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;
using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Vector one_shot(const Vector& y, std::size_t d, bool centred) {
    const auto rows = static_cast<Eigen::Index>(y.size() / d), cols = static_cast<Eigen::Index>(d);
    Dense matrix = Eigen::Map<const Dense>(y.data(), rows, cols);
    if (centred) matrix.rowwise() -= matrix.colwise().mean().eval();
    matrix /= std::sqrt(static_cast<double>(rows));
    const Eigen::VectorXd values = Eigen::BDCSVD<Dense>(matrix).singularValues();
    Vector out(d, 0.0);
    std::copy_n(values.data(), values.size(), out.begin());
    return out;
}

// Worst difference of two spectra, relative to the largest value.
double distance(const Vector& a, const Vector& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        worst = std::max(worst, std::abs(a[i] - b[i]));
    return b.front() > 0.0 ? worst / b.front() : worst;
}

void expect_same_spectra(const TsqrFactor& factor, const Vector& y, double tolerance) {
    const std::size_t d = factor.width();
    EXPECT_EQ(factor.rows(), y.size() / d);
    EXPECT_LE(distance(singular_values(factor.centred(), d), one_shot(y, d, true)), tolerance);
    EXPECT_LE(distance(singular_values(factor.uncentred(), d), one_shot(y, d, false)), tolerance);
}

TsqrFactor in_chunks(const Vector& y, std::size_t d, std::size_t chunk) {
    TsqrFactor factor(d);
    for (std::size_t first = 0; first < y.size(); first += chunk * d)
        factor.add(std::span(y).subspan(first, std::min(chunk * d, y.size() - first)));
    return factor;
}

// eps · norm · n of the factorisation, with the constant that Higham gives to it.
double tolerance(std::size_t d) {
    return 8.0 * 0x1p-52 * std::sqrt(static_cast<double>(d));
}

TEST(Tsqr, EqualsTheOneShotSvd) {
    for (const std::size_t d : {1, 2, 17, 40, 96})
        for (const std::size_t rows : {1, 2, 16, 40, 97, 700}) {
            SCOPED_TRACE(testing::Message() << "d " << d << ", rows " << rows);
            const Vector y = test::normals(rows * d, static_cast<unsigned>(d * 1000 + rows), 0.3);
            expect_same_spectra(in_chunks(y, d, 64), y, tolerance(d));
        }
}

TEST(Tsqr, AnyChunkSizeIsTheSame) {
    const std::size_t d = 33;
    const Vector y = test::normals(600 * d, 5, 1.0);
    for (const std::size_t chunk : {1, 3, 33, 64, 65, 599, 600, 5000})
        expect_same_spectra(in_chunks(y, d, chunk), y, tolerance(d));
}

TEST(Tsqr, AnEmptyChunkChangesNothing) {
    const Vector y = test::normals(50 * 8, 6);
    TsqrFactor factor(8);
    EXPECT_TRUE(factor.centred().empty());
    EXPECT_TRUE(factor.mean().empty());
    factor.add(Vector{});
    factor.add(y);
    factor.add(Vector{});
    expect_same_spectra(factor, y, tolerance(8));
}

TEST(Tsqr, MergeOrderAndEmptyPartsDoNotMatter) {
    const std::size_t d = 24;
    const Vector y = test::normals(500 * d, 7, 4.0);
    const std::span<const double> all(y);
    const std::vector<std::size_t> cuts{0, 1, 30, 30, 260, 500};
    std::vector<std::size_t> order(cuts.size() - 1);
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
        TsqrFactor whole(d);
        for (const std::size_t part : order) {
            TsqrFactor factor(d);
            factor.add(all.subspan(cuts[part] * d, (cuts[part + 1] - cuts[part]) * d));
            whole.merge(factor);
        }
        expect_same_spectra(whole, y, tolerance(d));
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Tsqr, MergedThenAddedTo) {
    const std::size_t d = 20;
    const Vector y = test::normals(300 * d, 8, -2.0);
    TsqrFactor a(d), b(d);
    a.add(std::span(y).subspan(0, 100 * d));
    b.add(std::span(y).subspan(100 * d, 50 * d));
    a.merge(b);
    a.add(std::span(y).subspan(150 * d));
    expect_same_spectra(a, y, tolerance(d));
}

TEST(Tsqr, AMeanAMillionTimesTheSpreadCostsNoDigits) {
    const std::size_t d = 30, rows = 400;
    Vector spread = test::normals(rows * d, 9);
    for (double& value : spread)
        value = std::ldexp(std::round(std::ldexp(value, 20)), -20);  // the offset is then exact
    Vector y = spread;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += 1e6 * (1.0 + static_cast<double>(i % d));
    const TsqrFactor factor = in_chunks(y, d, 50);
    EXPECT_LE(distance(singular_values(factor.centred(), d), one_shot(spread, d, true)), tolerance(d));
    const Vector mean = factor.mean();
    for (std::size_t j = 0; j < d; ++j) {
        double expected = 0.0;
        for (std::size_t i = 0; i < rows; ++i) expected += spread[i * d + j] / static_cast<double>(rows);
        EXPECT_NEAR(mean[j] - 1e6 * (1.0 + static_cast<double>(j)), expected, 1e-8) << "channel " << j;
    }
}

TEST(Tsqr, AConstantChannelIsExactlyDead) {
    const std::size_t d = 64, rows = 300;
    Vector y = test::normals(rows * d, 10);
    for (std::size_t i = 0; i < rows; ++i) {
        y[i * d + 5] = 0.1;  // γ = 0, β = 0.1
        y[i * d + 40] = -3.7;
    }
    const TsqrFactor factor = in_chunks(y, d, 77);
    const RightSvd svd = right_svd(factor.centred(), d);
    EXPECT_LE(svd.values[d - 2], tolerance(d));
    EXPECT_GT(svd.values[d - 3], 0.1);
    double inside = 0.0;  // e_5 lies in the span of the two dead directions
    for (const std::size_t i : {d - 2, d - 1}) inside += svd.vector(i)[5] * svd.vector(i)[5];
    EXPECT_NEAR(inside, 1.0, 1e-12);
    expect_same_spectra(factor, y, tolerance(d));
}

TEST(Tsqr, FloatsAreTheirOwnValues) {
    const std::size_t d = 13;
    const Vector y = test::normals(60 * d, 12, 5.0);
    const std::vector<float> narrow(y.begin(), y.end());
    const Vector wide(narrow.begin(), narrow.end());
    TsqrFactor factor(d), kept(d, 5);
    factor.add(std::span(narrow).first(20 * d));
    factor.add(std::span(narrow).subspan(20 * d));
    kept.add(std::span(narrow).first(5 * d));
    EXPECT_EQ(factor.centred(), in_chunks(wide, d, 20).centred());
    EXPECT_EQ(kept.parts().kept, Vector(wide.begin(), wide.begin() + 5 * d));
}

TEST(Tsqr, WhatIsTakenIsWhatWasThere) {
    const std::size_t d = 21;
    const Vector y = test::normals(100 * d, 13, 2.0);
    for (const std::size_t rows : {0, 1, 9, 21, 22, 23, 100})
        for (const std::size_t expected : {std::size_t{10}, std::size_t{1000}}) {
            SCOPED_TRACE(testing::Message() << rows << " rows");
            TsqrFactor factor(d, expected);
            factor.add(std::span(y).first(rows * d));
            const Vector uncentred = factor.uncentred(), centred = factor.centred();
            const TsqrFactor::Pair taken = factor.take();
            EXPECT_EQ(taken.uncentred, uncentred);
            EXPECT_EQ(taken.centred, centred);
            EXPECT_EQ(factor.rows(), 0u);
        }
}

TEST(Tsqr, TheComparatorSeesARowThatIsMissing) {
    const std::size_t d = 16;
    const Vector y = test::normals(100 * d, 11);
    const TsqrFactor factor = in_chunks(Vector(y.begin(), y.end() - static_cast<std::ptrdiff_t>(d)), d, 10);
    EXPECT_GT(distance(singular_values(factor.centred(), d), one_shot(y, d, true)), 1e-4);
}

}  // namespace
}  // namespace deadscope

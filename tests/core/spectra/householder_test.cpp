// R of rows under a triangle, of two triangles and of rows alone: RᵀR is the Gram matrix of all that went in,
// to the rounding of a backward stable factorisation.
#include "core/spectra/householder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

// AᵀA in extended precision.
std::vector<long double> gram(const Vector& a, std::size_t n) {
    std::vector<long double> out(n * n, 0.0L);
    for (std::size_t i = 0; i * n < a.size(); ++i)
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t k = 0; k < n; ++k)
                out[j * n + k] += static_cast<long double>(a[i * n + j]) * a[i * n + k];
    return out;
}

// Of every column the error is a few u of its norm, times the square root of the steps (Higham 2002, §19.3).
void expect_factor_of(const Vector& r, const Vector& a, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < i; ++j) ASSERT_EQ(r[i * n + j], 0.0) << i << ", " << j;
    const std::vector<long double> ours = gram(r, n), exact = gram(a, n);
    const double steps = std::sqrt(static_cast<double>(a.size() / n + n));
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < n; ++k) {
            const long double norms = std::sqrt(exact[j * n + j] * exact[k * n + k]);
            ASSERT_LE(std::abs(ours[j * n + k] - exact[j * n + k]), 8.0L * 0x1p-53L * steps * norms)
                << j << ", " << k;
        }
}

Vector stacked(const Vector& a, const Vector& b) {
    Vector out = a;
    out.insert(out.end(), b.begin(), b.end());
    return out;
}

Vector rows(std::size_t count, std::size_t n, unsigned seed) {
    Vector out = test::normals(count * n, seed, 0.5);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] /= 1.0 + static_cast<double>(i % n % 13);
    return out;
}

Vector factored(HouseholderQr& qr, const Vector& a, std::size_t n) {
    Vector r(n * n, 0.0);
    std::copy(a.begin(), a.end(), r.begin());
    qr.factor(r.data(), n, a.size() / n);
    return r;
}

class Householder : public testing::TestWithParam<std::size_t> {};
// Around a leaf, a panel, and their multiples.
INSTANTIATE_TEST_SUITE_P(Widths, Householder, testing::Values(1, 2, 7, 8, 9, 47, 48, 49, 56, 97, 130));

TEST_P(Householder, RowsAlone) {
    const std::size_t n = GetParam();
    HouseholderQr qr;
    for (const std::size_t count : {std::size_t{1}, (n + 1) / 2, n - (n > 1), n}) {
        SCOPED_TRACE(count);
        const Vector a = rows(count, n, 1);
        expect_factor_of(factored(qr, a, n), a, n);
    }
}

TEST_P(Householder, RowsUnderATriangle) {
    const std::size_t n = GetParam(), stride = n + 3;
    HouseholderQr qr;
    for (const std::size_t count : {std::size_t{1}, std::size_t{5}, n, 3 * n + 2}) {
        SCOPED_TRACE(count);
        const Vector first = rows(n, n, 2), more = rows(count, n, 3);
        Vector spread(count * stride, std::numeric_limits<double>::quiet_NaN());
        for (std::size_t i = 0; i < count * n; ++i) spread[i / n * stride + i % n] = more[i];
        Vector r = factored(qr, first, n);
        qr.append(r.data(), n, spread.data(), count, stride);
        expect_factor_of(r, stacked(first, more), n);
    }
}

TEST_P(Householder, RowsUnderNothing) {
    const std::size_t n = GetParam();
    const Vector a = rows(2 * n, n, 4);
    Vector r(n * n, 0.0), work = a;
    HouseholderQr().append(r.data(), n, work.data(), 2 * n, n);
    expect_factor_of(r, a, n);
}

TEST_P(Householder, TwoTriangles) {
    const std::size_t n = GetParam();
    HouseholderQr qr;
    const Vector a = rows(n, n, 5), b = rows(n, n, 6);
    Vector r = factored(qr, a, n), other = factored(qr, b, n);
    qr.append_triangle(r.data(), n, other.data());
    expect_factor_of(r, stacked(a, b), n);
}

// Powers of two that would over- or underflow when squared change nothing but the columns' own scale.
TEST_P(Householder, ScalesOfColumnsAreExact) {
    const std::size_t n = GetParam();
    HouseholderQr qr;
    const auto scale = [](std::size_t j) { return j % 3 == 0 ? 1.0 : j % 3 == 1 ? 0x1p-700 : 0x1p700; };
    const auto scaled = [&](Vector a) {
        for (std::size_t i = 0; i < a.size(); ++i) a[i] *= scale(i % n);
        return a;
    };
    const Vector first = rows(n, n, 7);
    Vector more = rows(2 * n, n, 8), large = scaled(more);
    Vector r = factored(qr, first, n), s = factored(qr, scaled(first), n);
    EXPECT_EQ(s, scaled(r));
    qr.append(r.data(), n, more.data(), 2 * n, n);
    qr.append(s.data(), n, large.data(), 2 * n, n);
    EXPECT_EQ(s, scaled(r));
}

TEST(HouseholderZeros, StayZero) {
    const std::size_t n = 60;
    Vector a = rows(80, n, 9);
    for (std::size_t i = 0; i < 80; ++i)
        for (const std::size_t j : {0, 8, 21, 59}) a[i * n + j] = 0.0;
    Vector r(n * n, 0.0), work = a;
    HouseholderQr().append(r.data(), n, work.data(), 80, n);
    expect_factor_of(r, a, n);
    for (const std::size_t j : {0, 8, 21, 59})
        for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(r[i * n + j], 0.0) << i << ", " << j;
}

TEST(HouseholderNotFinite, IsSeenInTheFactor) {
    const std::size_t n = 20;
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Vector a = rows(30, n, 10), r(n * n, 0.0);
        a[17 * n + 11] = bad;
        HouseholderQr().append(r.data(), n, a.data(), 30, n);
        EXPECT_FALSE(std::ranges::all_of(r, [](double value) { return std::isfinite(value); }));
    }
}

}  // namespace
}  // namespace deadscope

// The tiled triangle against the plain sums, at widths around the side of a tile.
#include "core/spectra/triangle.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

// Upper triangular, well conditioned; what lies below the diagonal is not to be read.
Vector triangle(std::size_t d, unsigned seed) {
    Vector r = test::normals(d * d, seed, 0.0, 1.0 / std::sqrt(static_cast<double>(d)));
    for (std::size_t i = 0; i < d; ++i) {
        r[i * d + i] = i % 2 == 0 ? 2.0 : -3.0;
        for (std::size_t j = 0; j < i; ++j) r[i * d + j] = std::nan("");
    }
    return r;
}

// scale² RᵀR x
Vector gram_times(const Vector& r, std::size_t d, double scale, const Vector& x) {
    std::vector<long double> image(d, 0.0L), out(d, 0.0L);
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = i; j < d; ++j) image[i] += static_cast<long double>(scale * r[i * d + j]) * x[j];
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = i; j < d; ++j)
            out[j] += static_cast<long double>(scale * r[i * d + j]) * image[i];
    return {out.begin(), out.end()};
}

class TriangleTest : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Widths, TriangleTest, testing::Values(1, 7, 8, 9, 16, 33, 100));

TEST_P(TriangleTest, MultipliesAndSolves) {
    const std::size_t d = GetParam();
    const Vector r = triangle(d, 1), x = test::normals(d, 2);
    Triangle tiles(r, d, 0.5);
    EXPECT_EQ(tiles.raise_pivots(0.0), 1.0);
    const Vector expected = gram_times(r, d, 0.5, x);
    Vector y = x;
    tiles.multiply(y);
    ASSERT_EQ(y.size(), d);
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(y[i], expected[i], 1e-13) << i;
    tiles.solve(y);
    ASSERT_EQ(y.size(), d);
    // The condition of RᵀR is below 1e3 here.
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(y[i], x[i], 1e-12) << i;
}

TEST_P(TriangleTest, PivotsAreRaised) {
    const std::size_t d = GetParam();
    Vector r = triangle(d, 3);
    r[0] = -1e-9;
    r[(d - 1) * d + d - 1] = 0.0;
    Triangle tiles(r, d, 1.0);
    EXPECT_EQ(tiles.raise_pivots(1e-3), 1e-3);
    Vector raised = r, x = test::normals(d, 4);
    raised[0] = -1e-3;
    raised[(d - 1) * d + d - 1] = 1e-3;
    const Vector expected = gram_times(raised, d, 1.0, x);
    tiles.multiply(x);
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(x[i], expected[i], 1e-13) << i;
}

}  // namespace
}  // namespace deadscope

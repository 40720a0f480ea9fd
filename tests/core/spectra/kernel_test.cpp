// The theorem as a property: whatever γ, β, ε and input, λ_v of a LayerNorm's output is at its predicted
// floor, and that of an RMSNorm is not. And the prediction itself where γ holds zeros, tiny values or nothing
// finite.
#include "core/spectra/kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/precision.h"
#include "core/spectra/tsqr.h"
#include "tests/core/spectra/random_matrix.h"

namespace deadscope {
namespace {

using test::Vector;

struct Measured {
    double lambda_v = 0, mean_over_spread = 0;
    FloorAccumulator::Floor floor;
    RightSvd svd;
    Alignment alignment;
    double lambda_max() const { return svd.values.front() * svd.values.front(); }
};

template <class T>
Measured measure(NormKind kind, const Vector& x, const Vector& gamma, const Vector& beta, double eps = 1e-5) {
    const std::size_t d = gamma.size();
    Vector stored(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) stored[i] = static_cast<double>(static_cast<T>(x[i]));
    const Vector y = test::plain_norm<T>(kind, stored, gamma, beta, eps);
    const KernelPrediction prediction = predict_kernel(kind, gamma);
    FloorAccumulator accumulator(prediction.v, gamma);
    accumulator.add_input(stored);
    accumulator.add_output(y);
    TsqrFactor factor(d);
    factor.add(y);
    Measured out;
    out.lambda_v = accumulator.lambda_v();
    out.mean_over_spread = accumulator.mean_over_spread();
    const double u = unit_roundoff(sizeof(T) == 8 ? Precision::f64 : Precision::f32);
    out.floor = accumulator.floor({u, u}, kind);
    out.svd = right_svd(factor.centred(), d);
    out.alignment = measure_alignment(prediction, out.svd, y.size() / d, out.floor.total());
    return out;
}

// Rows with correlated channels, as a residual stream has them.
Vector stream(std::size_t rows, std::size_t d, unsigned seed, double offset = 0.0) {
    Vector x = test::normals(rows * d, seed);
    const Vector scales = test::log_normals(d, seed + 1, 0.7);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            double& value = x[i * d + j];
            value = scales[j] * value + 0.3 * x[i * d] + offset;
        }
    return x;
}

template <class T>
class Theorem : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Theorem, Precisions);

TYPED_TEST(Theorem, LayerNormHasTheKernelAtItsFloorAndRmsNormHasNone) {
    for (unsigned seed = 0; seed < 24; ++seed) {
        SCOPED_TRACE(seed);
        const std::size_t d = 24 + 13 * seed, rows = 2 * d + 5;
        Vector gamma = test::log_normals(d, seed + 10, 0.2 + 0.03 * seed);
        for (std::size_t i = 0; i < d; i += 3) gamma[i] = -gamma[i];
        const Vector beta = test::normals(d, seed + 20, 0.0, seed % 2 ? 0.5 : 0.0);
        const Vector x = stream(rows, d, seed + 30);
        const double eps = std::pow(10.0, -12.0 + seed % 12);

        const Measured layer = measure<TypeParam>(NormKind::layer_norm, x, gamma, beta, eps);
        EXPECT_LE(layer.lambda_v, kFloorMargin * layer.floor.total());
        EXPECT_GT(layer.lambda_v, 0.01 * layer.floor.total()) << "the floor is too high to mean anything";
        EXPECT_GT(layer.alignment.value.value(), 0.9999);
        EXPECT_TRUE(layer.alignment.well_determined);
        EXPECT_EQ(layer.alignment.dead_directions, 1u);
        EXPECT_EQ(layer.alignment.at_noise_floor, 1u);

        const Measured root = measure<TypeParam>(NormKind::rms_norm, x, gamma, beta, eps);
        EXPECT_GT(root.lambda_v, 1e3 * root.floor.total());
        EXPECT_EQ(root.alignment.dead_directions, 0u);
        EXPECT_FALSE(root.alignment.subspace.has_value());
    }
}

TYPED_TEST(Theorem, WidthOf768With4096Tokens) {
    const std::size_t d = 768, rows = 4096;
    const Vector gamma = test::log_normals(d, 1, 0.5), beta = test::normals(d, 2, 0.0, 0.1);
    const Measured layer = measure<TypeParam>(NormKind::layer_norm, test::normals(rows * d, 3), gamma, beta);
    EXPECT_LE(layer.lambda_v, 4.0 * layer.floor.total());
    EXPECT_GE(layer.lambda_v, 0.25 * layer.floor.total());
    EXPECT_GT(layer.alignment.value.value(), 0.999999);
    // math.md §2: about 1e-19 in f64 (NumPy's own summation included), 4e-16 in f32 of λ_max
    EXPECT_LE(layer.lambda_v / layer.lambda_max(), sizeof(TypeParam) == 8 ? 1e-19 : 1e-14);
}

TEST(Floor, AnOffsetIsExplainedByTheRoundingOfTheMean) {
    const std::size_t d = 768, rows = 4096;
    const Vector gamma = test::log_normals(d, 1, 0.5), beta(d, 0.0);
    const Vector centred = test::normals(rows * d, 3);
    Vector lifted = centred;
    for (double& value : lifted) value += 100.0;
    const Measured plain = measure<float>(NormKind::layer_norm, centred, gamma, beta);
    const Measured offset = measure<float>(NormKind::layer_norm, lifted, gamma, beta);
    EXPECT_LT(plain.floor.total(), 1e-4 * offset.floor.total());
    EXPECT_NEAR(offset.mean_over_spread, 100.0, 0.5);
    EXPECT_GT(offset.lambda_v, 1e4 * plain.lambda_v);
    EXPECT_GT(offset.floor.mean_rounding, 100.0 * offset.floor.output_rounding);
    EXPECT_LE(offset.lambda_v, 4.0 * offset.floor.total());
    EXPECT_GE(offset.lambda_v, 0.25 * offset.floor.total());
}

TEST(Floor, AddsNoErrorOfItsOwnHoweverLargeTheMean) {
    // y varies by exactly 2^-30 along v beside a mean of 2^20: λ_v is exactly 2^-62 for ± half the step.
    const Vector gamma{1.0, 1.0, 1.0, 1.0};
    const KernelPrediction prediction = predict_kernel(NormKind::layer_norm, gamma);
    FloorAccumulator accumulator(prediction.v, gamma);
    for (int i = 0; i < 1000; ++i) {
        const Vector row(4, 0x1p20 + (i % 2 ? 0x1p-30 : -0x1p-30) / 4.0);
        accumulator.add_output(row);
    }
    EXPECT_NEAR(accumulator.lambda_v() / 0x1p-62, 1.0, 1e-6);
    EXPECT_EQ(accumulator.rows(), 1000u);
}

TEST(Prediction, UnitVectorAlongTheInverse) {
    const Vector gamma{0.5, -2.0, 1.0};
    const KernelPrediction out = predict_kernel(NormKind::layer_norm, gamma);
    EXPECT_EQ(out.dimension, 1u);
    ASSERT_EQ(out.basis.size(), 1u);
    EXPECT_EQ(out.basis[0], out.v);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(out.v[i], (1.0 / gamma[i]) / std::sqrt(4.0 + 0.25 + 1.0), 1e-15);
}

TEST(Prediction, RmsNormHasTheVectorAndNoKernel) {
    const KernelPrediction out = predict_kernel(NormKind::rms_norm, Vector{1.0, 2.0});
    EXPECT_EQ(out.dimension, 0u);
    EXPECT_TRUE(out.basis.empty());
    EXPECT_EQ(out.v, predict_kernel(NormKind::layer_norm, Vector{1.0, 2.0}).v);
}

TEST(Prediction, ZerosSpanTheKernel) {
    for (const NormKind kind : {NormKind::layer_norm, NormKind::rms_norm}) {
        const KernelPrediction out = predict_kernel(kind, Vector{1.0, 0.0, 2.0, -0.0, 1e-9});
        EXPECT_EQ(out.dimension, 2u);
        EXPECT_EQ(out.zeros, 2u);
        EXPECT_EQ(out.basis, (std::vector<Vector>{{0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}}));
        EXPECT_EQ(out.v, (Vector{0, 1.0 / std::sqrt(2.0), 0, 1.0 / std::sqrt(2.0), 0}));
        EXPECT_EQ(out.tiny, std::vector<std::size_t>{4});
        EXPECT_EQ(out.dead_by_gamma(), 3u);
    }
}

TEST(Prediction, NeverInfiniteNorNan) {
    const double tiny = std::numeric_limits<double>::denorm_min(), huge = std::numeric_limits<double>::max();
    for (const Vector& gamma : {Vector{tiny, 1.0, huge}, Vector{tiny, tiny, tiny}, Vector{huge, huge, -huge},
                                Vector{0.0, 0.0}, Vector{-4.8e-33, -6.0e-33, -1.5e-9, 0.25}}) {
        const KernelPrediction out = predict_kernel(NormKind::layer_norm, gamma);
        double length = 0.0;
        for (const double value : out.v) {
            EXPECT_TRUE(std::isfinite(value));
            length += value * value;
        }
        EXPECT_NEAR(length, 1.0, 1e-14);
        FloorAccumulator accumulator(out.v, gamma);
        accumulator.add_output(Vector(gamma.size(), 1.0));
        accumulator.add_input(Vector(gamma.size(), 1.0));  // a constant row
        EXPECT_TRUE(std::isfinite(accumulator.floor({0x1p-24, 0x1p-24}, NormKind::layer_norm).total()));
        EXPECT_TRUE(std::isfinite(accumulator.mean_over_spread()));
    }
    const KernelPrediction none = predict_kernel(NormKind::layer_norm, Vector{1.0, std::nan("")});
    EXPECT_EQ(none.dimension, 0u);
    EXPECT_TRUE(none.v.empty());
}

// all-MiniLM-L6-v2: three channels that γ silences. The single vector means nothing, the subspace everything.
TEST(Theorem, ThreeDeadChannelsAreASubspaceStatement) {
    const std::size_t d = 96, rows = 400;
    Vector gamma = test::log_normals(d, 4, 0.2);
    gamma[7] = -4.8e-33;
    gamma[50] = -6.0e-33;
    gamma[80] = -1.5e-9;
    const Vector beta = test::normals(d, 5, 0.0, 0.2);
    const Measured out = measure<double>(NormKind::layer_norm, stream(rows, d, 6), gamma, beta);
    EXPECT_EQ(out.alignment.dead_directions, 3u);
    EXPECT_FALSE(out.alignment.well_determined);
    EXPECT_NEAR(out.alignment.subspace.value(), 1.0, 1e-9);
    EXPECT_LE(out.lambda_v, kFloorMargin * out.floor.total());
    EXPECT_EQ(predict_kernel(NormKind::layer_norm, gamma).tiny, (std::vector<std::size_t>{7, 50, 80}));
}

TEST(Alignment, TooFewTokensGiveNone) {
    const std::size_t d = 64;
    const Vector gamma = test::log_normals(d, 7, 0.3), beta(d, 0.0);
    const Measured few = measure<double>(NormKind::layer_norm, stream(d, d, 8), gamma, beta);
    EXPECT_FALSE(few.alignment.value.has_value());
    EXPECT_FALSE(few.alignment.subspace.has_value());
    EXPECT_FALSE(few.alignment.well_determined);
    EXPECT_LE(few.lambda_v, kFloorMargin * few.floor.total()) << "λ_v needs no more tokens than there are";
    const Measured enough = measure<double>(NormKind::layer_norm, stream(d + 1, d, 8), gamma, beta);
    EXPECT_GT(enough.alignment.value.value(), 0.9999);
}

TEST(Alignment, BaselinesAndComponents) {
    const std::size_t d = 200;
    const Vector gamma = test::log_normals(d, 9, 0.1), beta(d, 0.0);
    const Measured out = measure<double>(NormKind::layer_norm, stream(2 * d, d, 10), gamma, beta);
    EXPECT_NEAR(out.alignment.random_baseline, std::sqrt(2.0 / (3.14159265358979 * d)), 1e-12);
    EXPECT_GT(out.alignment.uniform_baseline, 0.98);
    EXPECT_GT(out.alignment.permuted_baseline, 0.95);
    EXPECT_LT(out.alignment.permuted_baseline, 1.0);
    ASSERT_EQ(out.alignment.components.size(), d);
    double sum = 0.0;
    for (const double c : out.alignment.components) sum += c * c;
    EXPECT_NEAR(sum, 1.0, 1e-12) << "the right singular vectors are a basis";
    EXPECT_NEAR(out.alignment.components.back(), out.alignment.value.value(), 1e-15);
}

TEST(Alignment, TheDeadThresholdIsTheCallers) {
    RightSvd svd;
    svd.values = {1.0, 1e-3, 1e-5};
    svd.vectors = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    KernelPrediction prediction;
    prediction.v = {0.0, 0.6, 0.8};
    const Alignment strict = measure_alignment(prediction, svd, 10, 0.0, {.dead_relative = 1e-6});
    EXPECT_EQ(strict.dead_directions, 0u);
    EXPECT_FALSE(strict.subspace.has_value());
    const Alignment loose = measure_alignment(prediction, svd, 10, 0.0, {.dead_relative = 1e-2});
    EXPECT_EQ(loose.dead_directions, 2u);
    EXPECT_NEAR(loose.subspace.value(), 1.0, 1e-15);
    EXPECT_NEAR(loose.value.value(), 0.8, 1e-15);
    EXPECT_NEAR(loose.gap, 1e-3 - 1e-5, 1e-18);
}

}  // namespace
}  // namespace deadscope

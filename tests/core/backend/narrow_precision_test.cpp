// bf16 and f16 of the backends: every value on the grid of the type, rounded to nearest even, and torch's
// results of the same operations.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <tuple>

#include "core/backend/cpu/row_kernels.h"
#include "tests/core/backend/backends.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {
namespace {

struct Grid {
    Precision precision;
    int digits, least;  // significant bits; exponent of the smallest place
    double largest;
};
constexpr Grid bf16{Precision::bf16, 8, -133, 0x1.FEp127}, f16{Precision::f16, 11, -24, 65504.0};

// By the definition: the multiple of the place that is nearest, the even one of two.
double nearest(const Grid& grid, double x) {
    if (x == 0.0 || !std::isfinite(x)) return x;
    const int exponent = std::max(std::ilogb(x) + 1 - grid.digits, grid.least);
    const double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -exponent)), exponent);
    return std::abs(rounded) > grid.largest ? std::copysign(std::numeric_limits<double>::infinity(), x)
                                            : rounded;
}

TEST(NarrowPrecision, RoundsToNearestEvenAtEveryMagnitude) {
    const Philox stream(7, "narrow");
    for (const Grid& grid : {bf16, f16}) {
        std::vector<float> values{0.0f,        -0.0f,
                                  1.0f,        65504.0f,
                                  65519.0f,    65520.0f,
                                  1e30f,       -1e30f,
                                  0x1p-24f,    0x1p-25f,
                                  0x1.8p-24f,  0x1p-149f,
                                  0x1.FFp127f, std::numeric_limits<float>::infinity()};
        for (int exponent = -149; exponent < 128; ++exponent) {
            for (std::uint64_t i = 0; i < 64; ++i) {
                const double at = static_cast<double>(exponent + 150) * 64.0 + static_cast<double>(i);
                const double x = std::ldexp(1.0 + stream.uniform(static_cast<std::uint64_t>(at)), exponent);
                values.push_back(static_cast<float>(i % 2 == 0 ? x : -x));
            }
            for (const double tie : {1.0 + 0x1p-8, 1.0 + 0x3p-8, 1.0 + 0x1p-11, 1.0 + 0x3p-11, 2.0 - 0x1p-9})
                values.push_back(static_cast<float>(std::ldexp(tie, exponent)));
        }
        std::vector<float> rounded = values;
        cpu::round_row(grid.precision, rounded.data(), rounded.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double expected = nearest(grid, static_cast<double>(values[i]));
            ASSERT_EQ(static_cast<double>(rounded[i]), expected)
                << precision_name(grid.precision) << " of " << std::hexfloat << values[i];
            ASSERT_EQ(std::signbit(rounded[i]), std::signbit(values[i]));
        }
        std::vector<float> undefined{std::nanf(""), -std::nanf("0x7fffff")};
        cpu::round_row(grid.precision, undefined.data(), undefined.size());
        EXPECT_TRUE(std::isnan(undefined[0]) && std::isnan(undefined[1]));
    }
}

class Torch : public ::testing::TestWithParam<std::tuple<Grid, BackendKind>> {
protected:
    static const Grid& grid() { return std::get<0>(GetParam()); }
    void SetUp() override {
        std::ifstream file(std::string(DEADSCOPE_GOLDEN_DIR) + "/narrow/narrow.json");
        json_ = nlohmann::json::parse(file);
        own_ = json_.at(std::string(precision_name(grid().precision)));
    }
    std::size_t size(const char* key) const { return json_.at(key).get<std::size_t>(); }
    Matrix matrix(const char* key, std::size_t rows) {
        const auto values = own_.at(key).get<std::vector<double>>();
        Matrix m = backend_->allocate(rows, values.size() / rows);
        backend_->write(m, std::span<const double>(values));
        return m;
    }
    // Equal but for the order of sums in f32, which now and then decides a tie: one place of the type.
    void expect_torch(const char* key, const Matrix& m) {
        const auto expected = own_.at(key).get<std::vector<double>>();
        const std::vector<double> actual = download(*backend_, m);
        ASSERT_EQ(actual.size(), expected.size());
        std::size_t unequal = 0;
        for (std::size_t i = 0; i < actual.size(); ++i) {
            EXPECT_EQ(actual[i], nearest(grid(), actual[i]));
            const double place = std::ldexp(1.0, std::ilogb(expected[i]) + 1 - grid().digits);
            EXPECT_LE(std::abs(actual[i] - expected[i]), place) << key << " " << i;
            unequal += actual[i] != expected[i] ? 1 : 0;
        }
        EXPECT_LE(unequal, actual.size() / 10) << key;
    }

    nlohmann::json json_, own_;
    std::unique_ptr<Backend> backend_ = std::get<1>(GetParam()).make(grid().precision);
};

INSTANTIATE_TEST_SUITE_P(Types, Torch,
                         ::testing::Combine(::testing::Values(bf16, f16),
                                            ::testing::ValuesIn(each_backend())),
                         [](const auto& combination) {
                             return std::string(precision_name(std::get<0>(combination.param).precision)) +
                                    "_" + std::get<1>(combination.param).name;
                         });

TEST_P(Torch, LayerNorm) {
    const Matrix x = matrix("x", size("rows")), gamma = matrix("gamma", 1), beta = matrix("beta", 1);
    Matrix y = backend_->allocate(x.rows, x.cols);
    backend_->norm(NormKind::layer_norm, json_.at("eps").get<double>(), x, gamma, &beta, y);
    expect_torch("normed", y);
}

TEST_P(Torch, Linear) {
    const Matrix x = matrix("x", size("rows")), w = matrix("weight", size("out")), bias = matrix("bias", 1);
    Matrix y = backend_->allocate(x.rows, w.rows);
    backend_->linear(x, w, false, &bias, y);
    expect_torch("mapped", y);
}

TEST_P(Torch, EveryOperationLeavesTheGrid) {
    Matrix x = matrix("x", size("rows"));
    const Matrix bias = matrix("x", size("rows"));
    const auto on_grid = [&](const Matrix& m) {
        return std::ranges::all_of(download(*backend_, m),
                                   [](double value) { return value == nearest(grid(), value); });
    };
    backend_->scale(1.0 / 3.0, x);
    EXPECT_TRUE(on_grid(x));
    backend_->add(bias, x, 0.7);
    EXPECT_TRUE(on_grid(x));
    backend_->multiply(bias, x);
    EXPECT_TRUE(on_grid(x));
    backend_->activate(Activation::gelu, x);
    EXPECT_TRUE(on_grid(x));
    backend_->clamp(-0.3, 0.3, x);
    EXPECT_TRUE(on_grid(x));
    Matrix out = backend_->allocate(x.rows, x.cols);
    AttentionCall call;
    call.heads = call.kv_heads = 4;
    call.head_dim = call.value_dim = x.cols / 4;
    call.scale = 0.3;
    backend_->attention(call, {{0, 2, x.rows}}, bias, bias, bias, out);
    EXPECT_TRUE(on_grid(out));
}

}  // namespace
}  // namespace deadscope::testing

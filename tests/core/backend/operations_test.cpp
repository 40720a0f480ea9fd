// Each operation of the backends beside plain loops in long double, in both precisions and with one and
// several threads; shapes are chosen odd, so that no tile or vector fits.
#include <numbers>
#include <tuple>

#include "core/base/error.h"
#include "tests/core/backend/backends.h"
#include "tests/core/backend/compare.h"

namespace deadscope::testing {
namespace {

class BackendOperations : public ::testing::TestWithParam<std::tuple<Precision, BackendKind>> {
protected:
    Precision precision() const { return std::get<0>(GetParam()); }
    double eps() const { return epsilon(precision()); }
    std::unique_ptr<Backend> backend_ = std::get<1>(GetParam()).make(precision());
};

INSTANTIATE_TEST_SUITE_P(Precisions, BackendOperations,
                         ::testing::Combine(::testing::Values(Precision::f64, Precision::f32),
                                            ::testing::ValuesIn(backend_kinds())),
                         [](const auto& combination) {
                             return std::string(precision_name(std::get<0>(combination.param))) + "_" +
                                    std::get<1>(combination.param).words();
                         });

TEST(Comparator, FindsWhatIsWrong) {  // the negative control of all that follows
    EXPECT_TRUE(close({1.0, 2.0}, {1.0L, 2.0L}, 0.0));
    EXPECT_FALSE(close({1.0, 2.0}, {1.0L, 2.1L}, 0.05));
    EXPECT_FALSE(close({1.0, -2.0}, {1.0L, 2.0L}, 0.05));
    EXPECT_FALSE(close({1.0, std::nan("")}, {1.0L, 2.0L}, 1e9));
    EXPECT_FALSE(close({1.0}, {1.0L, 2.0L}, 1e9));
}

TEST(CpuBackendMaker, ComputesInEveryPrecision) {
    for (const Precision precision : {Precision::f64, Precision::f32, Precision::bf16, Precision::f16})
        EXPECT_EQ(make_cpu_backend(precision)->info().precision, precision);
}

TEST_P(BackendOperations, MemoryThatCannotBeHadIsAnError) {
    EXPECT_THROW(backend_->allocate(std::size_t{1} << 40, std::size_t{1} << 40), Error);
}

TEST_P(BackendOperations, ViewsWriteReadAndCopy) {
    const Table t = random_table(7, 9, "view");
    Matrix m = upload(*backend_, t);
    const Matrix view = m.row_range(2, 3).columns(4, 5);
    std::vector<long double> expected;
    for (std::size_t i = 2; i < 5; ++i) {
        for (std::size_t j = 4; j < 9; ++j) expected.push_back(t(i, j));
    }
    EXPECT_TRUE(close(download(*backend_, view), expected, 0.0));
    Matrix target = backend_->allocate(4, 8).row_range(1, 3).columns(2, 5);
    backend_->copy(view, target);
    EXPECT_TRUE(close(download(*backend_, target), expected, 0.0));
    backend_->fill_zero(target);
    EXPECT_TRUE(close(download(*backend_, target), std::vector<long double>(15, 0.0L), 0.0));
}

TEST_P(BackendOperations, AddsGathersAndMultiplies) {
    const Table table = random_table(5, 33, "table"), start = random_table(200, 33, "start");
    const Table other = random_table(200, 33, "other"), line = random_table(1, 33, "line");
    std::vector<std::int32_t> ids(200);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>((i * i + 1) % 5);
    Matrix x = upload(*backend_, start);
    backend_->gather_add(upload(*backend_, table), ids, 1.5, x);
    backend_->add(upload(*backend_, other), x);
    backend_->add_row(upload(*backend_, line), x);
    backend_->multiply(upload(*backend_, other), x);
    std::vector<long double> expected;
    for (std::size_t i = 0; i < 200; ++i) {
        for (std::size_t j = 0; j < 33; ++j) {
            const long double sum =
                start(i, j) + 1.5L * table(static_cast<std::size_t>(ids[i]), j) + other(i, j) + line(0, j);
            expected.push_back(sum * other(i, j));
        }
    }
    EXPECT_TRUE(close(download(*backend_, x), expected, 16 * eps() * 20));
}

TEST_P(BackendOperations, LinearIsTheProduct) {
    for (const std::size_t rows : {1u, 5u, 130u, 1100u}) {
        for (const bool stored_in_out : {false, true}) {
            for (const bool with_bias : {false, true}) {
                const std::size_t in = 37, out = 150;
                const Table x = random_table(rows, in, "x"), bias = random_table(1, out, "bias");
                const Table w = stored_in_out ? random_table(in, out, "w") : random_table(out, in, "w");
                const Matrix b = upload(*backend_, bias);
                Matrix y = backend_->allocate(rows, out + 3).columns(2, out);
                backend_->linear(upload(*backend_, x), upload(*backend_, w), stored_in_out,
                                 with_bias ? &b : nullptr, y);
                std::vector<long double> expected;
                for (std::size_t i = 0; i < rows; ++i) {
                    for (std::size_t o = 0; o < out; ++o) {
                        long double sum = with_bias ? bias(0, o) : 0.0L;
                        for (std::size_t k = 0; k < in; ++k)
                            sum += x(i, k) * (stored_in_out ? w(k, o) : w(o, k));
                        expected.push_back(sum);
                    }
                }
                EXPECT_TRUE(close(download(*backend_, y), expected, eps() * static_cast<double>(in) * 4))
                    << rows << " rows, stored_in_out " << stored_in_out << ", bias " << with_bias;
            }
        }
    }
}

TEST_P(BackendOperations, NormsAreTheirDefinition) {
    const std::size_t rows = 150, d = 77;
    const Table x = random_table(rows, d, "x", 3.0), gamma = random_table(1, d, "gamma"),
                beta = random_table(1, d, "beta");
    for (const NormKind kind : {NormKind::layer_norm, NormKind::rms_norm}) {
        for (const bool with_beta : {false, true}) {
            for (const bool in_place : {false, true}) {
                const Matrix from = upload(*backend_, x), g = upload(*backend_, gamma),
                             b = upload(*backend_, beta);
                Matrix y = in_place ? from : backend_->allocate(rows, d);
                backend_->norm(kind, 1e-3, from, g, with_beta ? &b : nullptr, y);
                std::vector<long double> expected;
                for (std::size_t i = 0; i < rows; ++i) {
                    long double mean = 0, moment = 0;
                    for (std::size_t j = 0; j < d; ++j) mean += x(i, j) / static_cast<long double>(d);
                    if (kind == NormKind::rms_norm) mean = 0;
                    for (std::size_t j = 0; j < d; ++j)
                        moment += (x(i, j) - mean) * (x(i, j) - mean) / static_cast<long double>(d);
                    for (std::size_t j = 0; j < d; ++j) {
                        const long double z = (x(i, j) - mean) / std::sqrt(moment + 1e-3L);
                        expected.push_back(z * gamma(0, j) + (with_beta ? beta(0, j) : 0.0L));
                    }
                }
                EXPECT_TRUE(close(download(*backend_, y), expected, 40 * eps()))
                    << norm_kind_name(kind) << " beta " << with_beta << " in place " << in_place;
            }
        }
    }
}

// math.md §1 and §3: Σ z is the rounding of x - mean and of the output, no more, even where the mean is
// large.
TEST_P(BackendOperations, LayerNormLeavesNoSumButTheMeansRounding) {
    const std::size_t rows = 60, d = 300;
    for (const double mean : {0.0, 100.0}) {
        const Table x = random_table(rows, d, "x", mean);
        Table one(1, d);
        std::fill(one.values.begin(), one.values.end(), 1.0L);
        Matrix y = backend_->allocate(rows, d);
        backend_->norm(NormKind::layer_norm, 0.0, upload(*backend_, x), upload(*backend_, one), nullptr, y);
        const std::vector<double> out = download(*backend_, y);
        for (std::size_t i = 0; i < rows; ++i) {
            long double sum = 0;
            for (std::size_t j = 0; j < d; ++j) sum += static_cast<long double>(out[i * d + j]);
            // d · u · |mean| from the mean, coherent; √d · u · 4 from the outputs, independent.
            EXPECT_LT(std::abs(static_cast<double>(sum)),
                      eps() * (0.5 * 300 * mean * 1.1 + 4 * std::sqrt(300.0) + 300 * 0.5));
        }
    }
}

TEST_P(BackendOperations, Activations) {
    Table x(3, 1001);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        x.values[i] =
            static_cast<long double>(static_cast<float>(-12.0 + 24.0 * static_cast<double>(i) / 3002.0));
    }
    const auto sigmoid = [](long double v) { return 1 / (1 + std::exp(-v)); };
    const long double c = std::sqrt(2 / std::numbers::pi_v<long double>);
    const std::vector<std::pair<Activation, std::function<long double(long double)>>> cases = {
        {Activation::identity, [](long double v) { return v; }},
        {Activation::gelu,
         [](long double v) { return v * 0.5L * std::erfc(-v / std::numbers::sqrt2_v<long double>); }},
        {Activation::gelu_tanh,
         [&](long double v) { return 0.5L * v * (1 + std::tanh(c * (v + 0.044715L * v * v * v))); }},
        {Activation::gelu_bloom,
         [](long double v) { return 0.5L * v * (1 + std::tanh(0.79788456L * (v + 0.044715L * v * v * v))); }},
        {Activation::quick_gelu, [&](long double v) { return v * sigmoid(1.702L * v); }},
        {Activation::relu, [](long double v) { return v > 0 ? v : 0; }},
        {Activation::silu, [&](long double v) { return v * sigmoid(v); }},
        {Activation::tanh, [](long double v) { return std::tanh(v); }},
        {Activation::relu_squared, [](long double v) { return v > 0 ? v * v : 0; }},
        {Activation::sigmoid, sigmoid},
        {Activation::mish, [](long double v) { return v * std::tanh(std::log1p(std::exp(v))); }},
        {Activation::elu, [](long double v) { return v > 0 ? v : std::expm1(v); }},
        {Activation::leaky_relu, [](long double v) { return v > 0 ? v : 0.01L * v; }},
    };
    for (const auto& [activation, function] : cases) {
        Matrix m = upload(*backend_, x);
        backend_->activate(activation, m);
        std::vector<long double> expected;
        for (const long double v : x.values) expected.push_back(function(v));
        // Four roundings of a result of size 12; squares reach 144.
        const double size = activation == Activation::relu_squared ? 144.0 : 12.0;
        EXPECT_TRUE(close(download(*backend_, m), expected, 4 * eps() * size))
            << static_cast<int>(activation);
    }
}

TEST_P(BackendOperations, ActivationsOfExtremeAndUndefinedValues) {
    const double inf = std::numeric_limits<double>::infinity();
    for (const Activation activation : {Activation::gelu, Activation::gelu_tanh, Activation::quick_gelu,
                                        Activation::relu, Activation::silu, Activation::relu_squared}) {
        Matrix m = backend_->allocate(1, 4);
        const std::vector<double> values{-1e4, 1e4, inf, std::nan("")};
        backend_->write(m, std::span<const double>(values));
        backend_->activate(activation, m);
        const std::vector<double> out = download(*backend_, m);
        EXPECT_NEAR(out[0], 0.0, 1e-30) << static_cast<int>(activation);
        EXPECT_GE(out[1], 1e4 * (1 - 4 * eps()));
        EXPECT_TRUE(std::isinf(out[2]));
        EXPECT_TRUE(std::isnan(out[3]))
            << static_cast<int>(activation);  // an overflow upstream is not hidden
    }
}

TEST_P(BackendOperations, RotaryTurnsPairs) {
    const std::size_t heads = 3, head_dim = 10;
    const SequenceLayout layout{{0, 4, 5, 140}};
    const Table x = random_table(layout.tokens(), heads * head_dim, "x");
    for (const bool interleaved : {false, true}) {
        const RotarySpec spec{.dims = 6,
                              .interleaved = interleaved,
                              .inverse_frequencies = {1.0, 0.1, 0.013},
                              .attention_factor = 1.25};
        Matrix m = upload(*backend_, x);
        backend_->rotary(spec, head_dim, layout, m);
        Table expected = x;
        for (std::size_t s = 0; s < layout.sequences(); ++s) {
            for (std::size_t t = layout.starts[s]; t < layout.starts[s + 1]; ++t) {
                for (std::size_t pair = 0; pair < heads * 3; ++pair) {
                    const std::size_t head = pair / 3, i = pair % 3, base = head * head_dim;
                    const std::size_t a = base + (interleaved ? 2 * i : i),
                                      b = base + (interleaved ? 2 * i + 1 : i + 3);
                    const long double angle = static_cast<long double>(t - layout.starts[s]) *
                                              static_cast<long double>(spec.inverse_frequencies[i]);
                    expected(t, a) = 1.25L * (x(t, a) * std::cos(angle) - x(t, b) * std::sin(angle));
                    expected(t, b) = 1.25L * (x(t, b) * std::cos(angle) + x(t, a) * std::sin(angle));
                }
            }
        }
        // Angles up to 135, rounded in double before their cosine is taken.
        EXPECT_TRUE(close(download(*backend_, m), expected.values, 40 * eps() + 135 * 4e-16)) << interleaved;
    }
}

TEST_P(BackendOperations, ScattersScalesClampsAndCaps) {
    const Table from = random_table(3, 33, "from"), start = random_table(7, 33, "start"),
                line = random_table(1, 33, "line");
    const std::vector<std::int32_t> rows{6, 0, 3};
    const std::vector<double> weights{0.5, -2.0, 1.25};
    Matrix x = upload(*backend_, start);
    backend_->scatter_add(upload(*backend_, from), rows, weights, x);
    backend_->multiply_row(upload(*backend_, line), x);
    backend_->add(upload(*backend_, start), x, 0.75);
    backend_->scale(1.5, x);
    backend_->clamp(-2.0, 2.5, x);
    backend_->cap(1.5, x);
    std::vector<long double> expected;
    for (std::size_t i = 0; i < 7; ++i) {
        for (std::size_t j = 0; j < 33; ++j) {
            long double value = start(i, j);
            for (std::size_t r = 0; r < 3; ++r) {
                if (static_cast<std::size_t>(rows[r]) == i)
                    value += static_cast<long double>(weights[r]) * from(r, j);
            }
            value = 1.5L * (value * line(0, j) + 0.75L * start(i, j));
            value = std::min(std::max(value, -2.0L), 2.5L);
            expected.push_back(1.5L * std::tanh(value / 1.5L));
        }
    }
    EXPECT_TRUE(close(download(*backend_, x), expected, 40 * eps()));
}

TEST_P(BackendOperations, CapKeepsSmallAndUndefinedValues) {
    const double inf = std::numeric_limits<double>::infinity();
    Matrix m = backend_->allocate(1, 6);
    const std::vector<double> values{1e-9, -0.2, 3.0, -inf, inf, std::nan("")};
    backend_->write(m, std::span<const double>(values));
    backend_->cap(50.0, m);
    const std::vector<double> out = download(*backend_, m);
    EXPECT_NEAR(out[0] / 1e-9, 1.0, 4 * eps());  // no digits cancel near zero
    EXPECT_NEAR(out[1] / (50.0 * std::tanh(-0.2 / 50.0)), 1.0, 4 * eps());
    EXPECT_NEAR(out[2] / (50.0 * std::tanh(3.0 / 50.0)), 1.0, 4 * eps());
    EXPECT_EQ(out[3], -50.0);
    EXPECT_EQ(out[4], 50.0);
    EXPECT_TRUE(std::isnan(out[5]));
}

TEST_P(BackendOperations, NormsGroupsOfColumnsOnTheirOwn) {
    const Table x = random_table(30, 21, "grouped", 3.0), gamma = random_table(3, 7, "gamma");
    const Table beta = random_table(3, 7, "beta");
    for (const bool shared : {true, false}) {
        const Matrix all = upload(*backend_, gamma), added = upload(*backend_, beta);
        const Matrix used = shared ? all.row_range(1, 1) : all,
                     used_beta = shared ? added.row_range(1, 1) : added;
        Matrix y = upload(*backend_, x);
        backend_->norm(NormKind::layer_norm, 1e-3, y, used, &used_beta, y);
        std::vector<long double> expected;
        for (std::size_t i = 0; i < 30; ++i) {
            for (std::size_t g = 0; g < 3; ++g) {
                long double mean = 0, moment = 0;
                for (std::size_t j = 0; j < 7; ++j) mean += x(i, 7 * g + j) / 7;
                for (std::size_t j = 0; j < 7; ++j) moment += std::pow(x(i, 7 * g + j) - mean, 2) / 7;
                for (std::size_t j = 0; j < 7; ++j) {
                    const std::size_t row = shared ? 1 : g;
                    expected.push_back((x(i, 7 * g + j) - mean) / std::sqrt(moment + 1e-3L) * gamma(row, j) +
                                       beta(row, j));
                }
            }
        }
        EXPECT_TRUE(close(download(*backend_, y), expected, 40 * eps())) << shared;
    }
}

TEST_P(BackendOperations, SaysWhatItIs) {
    const BackendInfo info = backend_->info();
    EXPECT_EQ(info.name, std::get<1>(GetParam()).name);
    EXPECT_EQ(info.threads, std::get<1>(GetParam()).threads);
    EXPECT_EQ(info.precision, precision());
}

}  // namespace
}  // namespace deadscope::testing

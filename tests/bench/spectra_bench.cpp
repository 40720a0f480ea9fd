// Speed of the spectra: rows into a factor (beside dgemm's rate in the same run), the two extremes of a
// factor (beside its whole SVD), and λ_v with its floor.
#include <benchmark/benchmark.h>
#include <cblas.h>
#include <lapacke.h>

#include <cmath>
#include <random>

#include "core/base/single_threaded_blas.h"
#include "core/spectra/kernel.h"
#include "core/spectra/singular.h"
#include "core/spectra/tsqr.h"

namespace deadscope {
namespace {

std::vector<double> normals(std::size_t count) {
    std::mt19937_64 bits(1);
    std::normal_distribution<double> draw;
    std::vector<double> out(count);
    for (double& value : out) value = draw(bits);
    return out;
}

// On one core: a factor is one thread's work.
void dgemm_of_one_core(benchmark::State& state) {
    const SingleThreadedBlas single;
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> a = normals(d * d);
    std::vector<double> c(d * d);
    const int n = static_cast<int>(d);
    for (auto _ : state) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, a.data(), n, a.data(), n, 0.0,
                    c.data(), n);
        benchmark::DoNotOptimize(c.data());
    }
    state.counters["flops"] = benchmark::Counter(2.0 * std::pow(static_cast<double>(d), 3),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(dgemm_of_one_core)->Arg(384)->Arg(768)->UseRealTime()->Unit(benchmark::kMillisecond);

// 2 N d² flops for N = 4 d rows.
void tsqr_rows(benchmark::State& state) {
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> rows = normals(4 * d * d);
    for (auto _ : state) {
        TsqrFactor factor(d);
        factor.add(rows);
        benchmark::DoNotOptimize(factor.centred());
    }
    state.counters["flops"] = benchmark::Counter(8.0 * std::pow(static_cast<double>(d), 3),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(tsqr_rows)->Arg(128)->Arg(384)->Arg(768)->Arg(2048)->UseRealTime()->Unit(benchmark::kMillisecond);

// LAPACK's own QR of the same rows at once, on this thread: 2 N d² - 2/3 d³ flops.
void dgeqrf_rate(benchmark::State& state) {
    const SingleThreadedBlas single;
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> rows = normals(4 * d * d);
    std::vector<double> work, tau(d);
    const auto m = static_cast<lapack_int>(4 * d), n = static_cast<lapack_int>(d);
    for (auto _ : state) {
        work = rows;
        benchmark::DoNotOptimize(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, n, work.data(), m, tau.data()));
    }
    state.counters["flops"] = benchmark::Counter((8.0 - 2.0 / 3.0) * std::pow(static_cast<double>(d), 3),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(dgeqrf_rate)->Arg(384)->Arg(768)->UseRealTime()->Unit(benchmark::kMillisecond);

void tsqr_merge(benchmark::State& state) {
    const auto d = static_cast<std::size_t>(state.range(0));
    TsqrFactor one(d), other(d);
    one.add(normals(2 * d * d));
    other.add(normals(2 * d * d));
    for (auto _ : state) {
        TsqrFactor both = one;
        both.merge(other);
        benchmark::DoNotOptimize(both.rows());
    }
}
BENCHMARK(tsqr_merge)->Arg(768)->UseRealTime()->Unit(benchmark::kMillisecond);

std::vector<double> factor_of(std::size_t d) {
    TsqrFactor factor(d);
    std::vector<double> rows = normals(2 * d * d);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] *= 1.0 / (1.0 + static_cast<double>(i % d));  // graded, as streams are
    factor.add(rows);
    return factor.centred();
}

void both_extremes(benchmark::State& state) {
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> r = factor_of(d);
    for (auto _ : state) benchmark::DoNotOptimize(extreme_singular(r, d));
}
BENCHMARK(both_extremes)
    ->Arg(128)
    ->Arg(384)
    ->Arg(768)
    ->Arg(2048)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void whole_svd(benchmark::State& state) {
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> r = factor_of(d);
    for (auto _ : state) benchmark::DoNotOptimize(right_svd(r, d));
}
BENCHMARK(whole_svd)->Arg(128)->Arg(384)->Arg(768)->UseRealTime()->Unit(benchmark::kMillisecond);

void lambda_v_and_floor(benchmark::State& state) {
    const auto d = static_cast<std::size_t>(state.range(0));
    const std::vector<double> rows = normals(1024 * d), gamma(d, 1.0),
                              v(d, 1.0 / std::sqrt(static_cast<double>(d)));
    for (auto _ : state) {
        FloorAccumulator accumulator(v, gamma);
        accumulator.add_input(rows);
        accumulator.add_output(rows);
        benchmark::DoNotOptimize(accumulator.lambda_v());
    }
}
BENCHMARK(lambda_v_and_floor)->Arg(384)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace deadscope

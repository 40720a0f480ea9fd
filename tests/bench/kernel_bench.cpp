// Every kernel of the CPU path beside what bounds it, in one run: memory's rate for what reads and writes
// once ("bytes" to compare with copy_rate), the products' for attention ("flops", with sgemm of
// forward_bench.cpp), and elements a second for what is arithmetic.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cpu/row_kernels.h"
#include "core/base/philox.h"
#include "core/checkpoint/dtype.h"
#include "core/checkpoint/quantised.h"

namespace deadscope {
namespace {

constexpr std::size_t rows = 1024, width = 3072;

std::vector<float> normals(std::size_t count) {
    std::vector<double> drawn(count);
    Philox(2, "bench").fill_normal(0, drawn);
    return {drawn.begin(), drawn.end()};
}

void rate(benchmark::State& state, const char* what, double each) {
    state.counters[what] = benchmark::Counter(each, benchmark::Counter::kIsIterationInvariantRate);
}
void bytes(benchmark::State& state, double each) {
    rate(state, "bytes", each);
}

// What one thread moves: read and written.
void copy_rate(benchmark::State& state) {
    const std::vector<float> from = normals(rows * width);
    std::vector<float> to(from.size());
    for (auto _ : state) {
        std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
        benchmark::ClobberMemory();
    }
    bytes(state, 2.0 * static_cast<double>(from.size()) * sizeof(float));
}
BENCHMARK(copy_rate)->UseRealTime()->Unit(benchmark::kMicrosecond);

struct Rows {
    std::unique_ptr<Backend> backend = make_cpu_backend(Precision::f32);
    Matrix make(std::size_t count, std::size_t cols) {
        Matrix m = backend->allocate(count, cols);
        const std::vector<float> values = normals(count * cols);
        backend->write(m, std::span<const float>(values));
        return m;
    }
};

void norm(benchmark::State& state, NormKind kind) {
    Rows on;
    const std::size_t d = 1024;
    const Matrix x = on.make(rows, d), gamma = on.make(1, d), beta = on.make(1, d);
    Matrix y = on.make(rows, d);
    for (auto _ : state) on.backend->norm(kind, 1e-5, x, gamma, &beta, y);
    bytes(state, 2.0 * static_cast<double>(rows * d) * sizeof(float));
}
void layer_norm(benchmark::State& state) {
    norm(state, NormKind::layer_norm);
}
void rms_norm(benchmark::State& state) {
    norm(state, NormKind::rms_norm);
}
BENCHMARK(layer_norm)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(rms_norm)->UseRealTime()->Unit(benchmark::kMicrosecond);

void activation(benchmark::State& state, Activation kind) {
    const std::vector<float> from = normals(rows * width);
    std::vector<float> x = from;
    for (auto _ : state) {  // of fresh values: again and again on its own output would be of denormal ones
        for (std::size_t i = 0; i < rows; ++i) {
            float* row = x.data() + i * width;
            std::memcpy(row, from.data() + i * width, width * sizeof(float));
            cpu::activate_row(kind, row, width);
        }
        benchmark::ClobberMemory();
    }
    bytes(state, 2.0 * static_cast<double>(x.size()) * sizeof(float));
}
BENCHMARK_CAPTURE(activation, gelu, Activation::gelu)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(activation, gelu_tanh, Activation::gelu_tanh)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(activation, silu, Activation::silu)->UseRealTime()->Unit(benchmark::kMicrosecond);

void rotary(benchmark::State& state) {
    Rows on;
    Matrix x = on.make(rows, 1024);
    RotarySpec spec;
    spec.dims = 64;
    spec.interleaved = state.range(0) != 0;
    spec.inverse_frequencies.assign(32, 0.01);
    for (auto _ : state) on.backend->rotary(spec, 64, {{0, rows}}, x);
    bytes(state, 2.0 * static_cast<double>(rows * 1024) * sizeof(float));
}
BENCHMARK(rotary)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

// Both products over the causal half.
void attention(benchmark::State& state) {
    Rows on;
    const auto length = static_cast<std::size_t>(state.range(0));
    const std::size_t heads = 12, kv_heads = static_cast<std::size_t>(state.range(1)), head = 64;
    const Matrix q = on.make(length, heads * head), k = on.make(length, kv_heads * head),
                 v = on.make(length, kv_heads * head);
    Matrix out = on.make(length, heads * head);
    AttentionCall call;
    call.heads = heads;
    call.kv_heads = kv_heads;
    call.head_dim = call.value_dim = head;
    call.scale = 0.125;
    for (auto _ : state) on.backend->attention(call, {{0, length}}, q, k, v, out);
    rate(state, "flops", 2.0 * static_cast<double>(length * length * heads * head));
}
BENCHMARK(attention)
    ->Args({512, 12})
    ->Args({2048, 12})
    ->Args({2048, 2})
    ->Args({8192, 12})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void round_to(benchmark::State& state, Precision precision) {
    std::vector<float> x = normals(rows * width);
    for (auto _ : state) {
        cpu::round_row(precision, x.data(), x.size());
        benchmark::ClobberMemory();
    }
    bytes(state, 2.0 * static_cast<double>(x.size()) * sizeof(float));
}
BENCHMARK_CAPTURE(round_to, bf16, Precision::bf16)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(round_to, f16, Precision::f16)->UseRealTime()->Unit(benchmark::kMicrosecond);

// A panel of a weight, which stays in the cache between its conversion and its product.
void convert(benchmark::State& state, DType dtype) {
    constexpr std::size_t count = 1u << 18;
    const std::vector<std::byte> stored(count * 8, std::byte{0x3a});
    std::vector<float> to(count);
    for (auto _ : state) {
        convert_elements(dtype, stored.data(), count, to.data());
        benchmark::ClobberMemory();
    }
    rate(state, "elements", static_cast<double>(count));
}
BENCHMARK_CAPTURE(convert, f64, DType::f64)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(convert, f32, DType::f32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(convert, f16, DType::f16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(convert, bf16, DType::bf16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(convert, f8_e4m3, DType::f8_e4m3)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(convert, f8_e5m2, DType::f8_e5m2)->Unit(benchmark::kMicrosecond);

void dequantisation(benchmark::State& state, DType dtype) {
    const QuantisedKind& kind = quantised_kind(dtype);
    const std::size_t blocks = (1u << 18) / kind.elements;
    const std::vector<std::byte> stored(blocks * kind.bytes, std::byte{0x2a});
    std::vector<float> to(blocks * kind.elements);
    for (auto _ : state) {
        dequantise(dtype, stored.data(), blocks, to.data());
        benchmark::ClobberMemory();
    }
    rate(state, "elements", static_cast<double>(to.size()));
}
BENCHMARK_CAPTURE(dequantisation, q4_0, DType::q4_0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q5_0, DType::q5_0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q8_0, DType::q8_0)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q2_k, DType::q2_k)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q3_k, DType::q3_k)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q4_k, DType::q4_k)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q5_k, DType::q5_k)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, q6_k, DType::q6_k)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, iq4_xs, DType::iq4_xs)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(dequantisation, mxfp4, DType::mxfp4)->Unit(benchmark::kMicrosecond);

void gather(benchmark::State& state) {
    Rows on;
    const Matrix table = on.make(8192, 1024);
    Matrix to = on.make(rows, 1024);
    std::vector<std::int32_t> ids(rows);
    const Philox stream(3, "ids");
    for (std::size_t i = 0; i < rows; ++i) ids[i] = static_cast<std::int32_t>(stream.below(i, 8192));
    for (auto _ : state) on.backend->gather_add(table, ids, 1.0, to);
    bytes(state, 3.0 * static_cast<double>(rows * 1024) * sizeof(float));
}
BENCHMARK(gather)->UseRealTime()->Unit(benchmark::kMicrosecond);

void philox_normal(benchmark::State& state) {
    std::vector<double> out(1u << 16);
    const Philox stream(3, "weights");
    for (auto _ : state) {
        stream.fill_normal(0, out);
        benchmark::ClobberMemory();
    }
    rate(state, "elements", static_cast<double>(out.size()));
}
BENCHMARK(philox_normal)->Unit(benchmark::kMicrosecond);

// The panels of the pass: weights held as they are stored against weights in memory.
class Zeros final : public StoredRows {
public:
    Zeros(std::size_t count, std::size_t across) : count_(count), across_(across) {}
    std::size_t rows() const override { return count_; }
    std::size_t cols() const override { return across_; }
    void read(std::size_t, std::size_t, std::span<float> out) const override {
        std::fill(out.begin(), out.end(), 0.5f);
    }
    void read(std::size_t, std::size_t, std::span<double> out) const override {
        std::fill(out.begin(), out.end(), 0.5);
    }

private:
    std::size_t count_, across_;
};

void linear(benchmark::State& state, bool held) {
    Rows on;
    const auto tokens = static_cast<std::size_t>(state.range(0));
    const std::size_t in = 1024, out = 4096;
    const Matrix x = on.make(tokens, in);
    const Matrix weight = held ? on.backend->hold(std::make_shared<Zeros>(out, in)) : on.make(out, in);
    Matrix y = on.make(tokens, out);
    for (auto _ : state) on.backend->linear(x, weight, false, nullptr, y);
    rate(state, "flops", 2.0 * static_cast<double>(tokens * in * out));
}
BENCHMARK_CAPTURE(linear, in_memory, false)
    ->Arg(64)
    ->Arg(512)
    ->Arg(2048)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linear, held, true)
    ->Arg(64)
    ->Arg(512)
    ->Arg(2048)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace deadscope

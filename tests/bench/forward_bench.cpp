// The forward pass at GPT-2 small's shape (its random twin, made from a plan without a file) beside the
// matrix product rate of the same run: the pass is worth its memory traffic where it comes near.
#include <benchmark/benchmark.h>
#include <cblas.h>

#include <algorithm>
#include <vector>

#include "core/base/philox.h"
#include "core/base/single_threaded_blas.h"
#include "core/forward/forward.h"

namespace {

using namespace deadscope;

constexpr std::int64_t d = 768, heads = 12, vocabulary = 50257, context = 1024, layers = 12;

WeightRef tensor(const std::string& name, std::vector<std::int64_t> shape) {
    return {name, std::move(shape), {}};
}

LinearSpec linear(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t fused = 1,
                  std::int64_t index = 0) {
    LinearSpec spec;
    spec.weight = tensor(name + ".weight", {in, fused * out});
    spec.bias = tensor(name + ".bias", {fused * out});
    spec.bias.init = {Initialiser::Kind::constant, 0.0, 0.0};
    spec.stored_in_out = true;
    spec.in = in;
    spec.out = out;
    spec.first_row = index * out;
    return spec;
}

NormSpec norm(const std::string& name) {
    NormSpec spec;
    spec.name = name;
    spec.weight = name + ".weight";
    spec.bias = name + ".bias";
    spec.kind = NormKind::layer_norm;
    spec.eps = 1e-5;
    spec.d = d;
    return spec;
}

Plan gpt2_small() {
    Plan plan;
    plan.d = d;
    plan.vocabulary = vocabulary;
    plan.context = context;
    plan.token_input.emplace();
    plan.token_input->tokens = tensor("wte.weight", {vocabulary, d});
    plan.token_input->positions = tensor("wpe.weight", {context, d});
    for (std::int64_t i = 0; i < layers; ++i) {
        const std::string name = "h." + std::to_string(i);
        BlockSpec block;
        block.attention_norm = norm(name + ".ln_1");
        block.mlp_norm = norm(name + ".ln_2");
        block.attention.heads = block.attention.kv_heads = heads;
        block.attention.head_dim = d / heads;
        block.attention.scale = 0.125;
        block.attention.q = linear(name + ".c_attn", d, d, 3, 0);
        block.attention.k = linear(name + ".c_attn", d, d, 3, 1);
        block.attention.v = linear(name + ".c_attn", d, d, 3, 2);
        block.attention.o = linear(name + ".c_proj", d, d);
        block.mlp.activation = Activation::gelu_tanh;
        block.mlp.up = linear(name + ".mlp.c_fc", d, 4 * d);
        block.mlp.down = linear(name + ".mlp.c_proj", 4 * d, d);
        plan.blocks.push_back(block);
    }
    plan.final_norm = norm("ln_f");
    return plan;
}

// Reads nothing and draws nothing: what is left is the pass itself.
class SmallWeights final : public WeightSource {
public:
    void read(const WeightRef&, ElementRange, std::span<float> out) const override { fill(out); }
    void read(const WeightRef&, ElementRange, std::span<double> out) const override { fill(out); }
    NormParameters norm(const NormSpec&) const override {
        return {std::vector<double>(d, 1.0), std::vector<double>(d, 0.0)};
    }

private:
    template <typename T>
    static void fill(std::span<T> out) {
        static const std::vector<T> values = [] {
            std::vector<T> all(1u << 14);
            for (std::size_t i = 0; i < all.size(); ++i)
                all[i] = static_cast<T>(static_cast<int>(i * 37 % 101) - 50) / T{1500};
            return all;
        }();
        for (std::size_t done = 0; done < out.size(); done += values.size())
            std::copy_n(values.data(), std::min(values.size(), out.size() - done), out.data() + done);
    }
};

class NoTap final : public Tap {
public:
    bool wants(TapPoint, std::size_t) const override { return false; }
    void chunk(TapPoint, std::size_t, std::size_t, const Backend&, const Matrix&) override {}
    bool finished(TapPoint, std::size_t) override { return true; }
};

ModelInput random_input(std::size_t tokens) {
    ModelInput input;
    const Philox stream(1, "tokens");
    for (std::size_t i = 0; i < tokens; ++i)
        input.ids.push_back(static_cast<std::int32_t>(stream.below(i, vocabulary)));
    for (std::size_t i = 0; i <= tokens; i += context) input.layout.starts.push_back(i);
    return input;
}

// 2 flops per weight and token, and attention's two products over the causal half.
double flops(double tokens) {
    return static_cast<double>(layers) * tokens * (24.0 * d * d + 2.0 * static_cast<double>(context) * d);
}

void pass(benchmark::State& state, Precision precision, const WeightSource& weights) {
    const Plan plan = gpt2_small();
    const ModelInput input = random_input(static_cast<std::size_t>(state.range(0)));
    const auto backend = make_cpu_backend(precision);
    NoTap tap;
    for (auto _ : state) run_forward(plan, weights, *backend, input, tap, {});
    state.counters["flops"] = benchmark::Counter(flops(static_cast<double>(input.tokens())),
                                                 benchmark::Counter::kIsIterationInvariantRate);
    state.counters["tokens"] = benchmark::Counter(static_cast<double>(input.tokens()),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void forward_f32(benchmark::State& state) {
    pass(state, Precision::f32, SmallWeights{});
}
void forward_f64(benchmark::State& state) {
    pass(state, Precision::f64, SmallWeights{});
}
BENCHMARK(forward_f32)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(forward_f64)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

void forward_f32_random_twin(benchmark::State& state) {
    const Checkpoint none("twin", "twin", nullptr, {});
    pass(state, Precision::f32, *random_twin(none, 0));
}
BENCHMARK(forward_f32_random_twin)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

// The MLP's product at the same number of rows, by OpenBLAS with its own threads.
template <typename T, typename Product>
void product(benchmark::State& state, const Product& by_blas) {
    const std::size_t m = 1024, n = 3072, k = 768;
    std::vector<T> a(m * k, T(0.5)), b(k * n, T(0.25)), c(m * n);
    const ThreadedBlas all_cores;
    for (auto _ : state) {
        by_blas(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, T{1}, a.data(), k, b.data(), n, T{0},
                c.data(), n);
        benchmark::ClobberMemory();
    }
    state.counters["flops"] =
        benchmark::Counter(2.0 * m * n * k, benchmark::Counter::kIsIterationInvariantRate);
}
void sgemm(benchmark::State& state) {
    product<float>(state, cblas_sgemm);
}
void dgemm(benchmark::State& state) {
    product<double>(state, cblas_dgemm);
}
BENCHMARK(sgemm)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(dgemm)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

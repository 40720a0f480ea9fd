#include "tests/core/forward/reference_parts.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace deadscope::testing {

std::vector<double> all(const WeightSource& weights, const WeightRef& ref) {
    std::uint64_t count = 1;
    for (const std::int64_t n : ref.shape) count *= static_cast<std::uint64_t>(n);
    std::vector<double> values(count);
    weights.read(ref, {0, count}, std::span<double>(values));
    return values;
}

Table linear(const WeightSource& weights, const LinearSpec& spec, const Table& x) {
    const std::vector<double> w = all(weights, spec.weight);
    const std::vector<double> b = spec.bias ? all(weights, spec.bias) : std::vector<double>{};
    const auto& shape = spec.weight.shape;
    const std::size_t rows = size(spec.stored_in_out ? shape.back() : shape[shape.size() - 2]);
    const std::size_t matrix = size(spec.matrix) * rows * x.cols;
    Table y(x.rows, size(spec.out));
    for (std::size_t o = 0; o < y.cols; ++o) {
        std::size_t row = size(spec.first_row);
        for (std::size_t step = 0; step < o; ++step) {  // one output further at a time
            ++row;
            const bool group_ends = spec.group_rows > 0 && (step + 1) % size(spec.group_rows) == 0;
            if (group_ends) row += size(spec.group_stride - spec.group_rows);
        }
        for (std::size_t i = 0; i < y.rows; ++i) {
            long double sum = b.empty() ? 0.0 : b[size(spec.matrix) * size(spec.bias.shape.back()) + row];
            for (std::size_t k = 0; k < x.cols; ++k)
                sum += x(i, k) * w[matrix + (spec.stored_in_out ? k * rows + row : row * x.cols + k)];
            y(i, o) = sum;
        }
    }
    return y;
}

Table norm(const WeightSource& weights, const NormSpec& spec, const Table& x) {
    const NormParameters p = weights.norm(spec);
    const std::size_t d = size(spec.d);
    Table y(x.rows, x.cols);
    const long double n = static_cast<long double>(d);
    for (std::size_t i = 0; i < x.rows; ++i) {
        for (std::size_t first = 0; first < x.cols; first += d) {
            long double mean = 0, moment = 0;
            for (std::size_t j = 0; j < d && spec.kind == NormKind::layer_norm; ++j)
                mean += x(i, first + j) / n;
            for (std::size_t j = 0; j < d; ++j) moment += std::pow(x(i, first + j) - mean, 2) / n;
            for (std::size_t j = 0; j < d; ++j) {
                y(i, first + j) = (x(i, first + j) - mean) / std::sqrt(moment + spec.eps) * p.gamma[j] +
                                  (p.beta.empty() ? 0.0 : p.beta[j]);
            }
        }
    }
    return y;
}

Table norm(const WeightSource& weights, const std::optional<NormSpec>& spec, const Table& x) {
    return spec ? norm(weights, *spec, x) : x;
}

long double activate(Activation activation, long double v) {
    switch (activation) {
        case Activation::identity:
            return v;
        case Activation::gelu:
            return 0.5L * v * std::erfc(-v / std::numbers::sqrt2_v<long double>);
        case Activation::gelu_tanh:
            return 0.5L * v *
                   (1 +
                    std::tanh(std::sqrt(2 / std::numbers::pi_v<long double>) * (v + 0.044715L * v * v * v)));
        case Activation::gelu_bloom:
            return 0.5L * v * (1 + std::tanh(0.79788456L * (v + 0.044715L * v * v * v)));
        case Activation::quick_gelu:
            return v / (1 + std::exp(-1.702L * v));
        case Activation::relu:
            return v > 0 ? v : 0;
        case Activation::silu:
            return v / (1 + std::exp(-v));
        case Activation::tanh:
            return std::tanh(v);
        case Activation::relu_squared:
            return v > 0 ? v * v : 0;
        case Activation::sigmoid:
            return 1 / (1 + std::exp(-v));
        case Activation::mish:
            return v * std::tanh(std::log1p(std::exp(v)));
        case Activation::elu:
            return v > 0 ? v : std::exp(v) - 1;
        case Activation::leaky_relu:
            return v > 0 ? v : 0.01L * v;
    }
    return v;
}

Table mlp(const WeightSource& weights, const MlpSpec& spec, const Table& x) {
    Table up = linear(weights, spec.up, x);
    Table gate = spec.gate ? linear(weights, spec.gate, x) : up;
    const long double limit = spec.limit, alpha = spec.alpha;
    for (std::size_t i = 0; i < up.values.size(); ++i) {
        long double g = gate.values[i], u = up.values[i];
        if (limit > 0) {
            g = std::min(g, limit);
            u = std::max(std::min(u, limit), -limit);
        }
        const long double acted = alpha > 0 ? g / (1 + std::exp(-alpha * g)) : activate(spec.activation, g);
        up.values[i] = spec.gate ? acted * (alpha > 0 ? u + 1 : u) : acted;
    }
    return linear(weights, spec.down, norm(weights, spec.inner_norm, up));
}

namespace {

// The router's weight of every expert for one token; 0 where it is not chosen.
std::vector<long double> routing(const ExpertsSpec& spec, const std::vector<long double>& logits,
                                 const std::vector<double>& correction) {
    const std::size_t experts = logits.size();
    std::vector<long double> score(experts), rank(experts), weight(experts, 0);
    long double total = 0;
    for (const long double logit : logits) total += std::exp(logit);
    for (std::size_t e = 0; e < experts; ++e) {
        if (spec.scoring == ExpertsSpec::Scoring::softmax) score[e] = std::exp(logits[e]) / total;
        if (spec.scoring == ExpertsSpec::Scoring::softmax_chosen) score[e] = logits[e];
        if (spec.scoring == ExpertsSpec::Scoring::sigmoid) score[e] = 1 / (1 + std::exp(-logits[e]));
        rank[e] = score[e] + (correction.empty() ? 0.0 : correction[e]);
    }
    const std::size_t groups = size(spec.groups), each = experts / groups;
    std::vector<std::pair<long double, std::size_t>> group_rank;  // negative score: sorts best first
    for (std::size_t g = 0; g < groups; ++g) {
        std::vector<long double> of(rank.begin() + static_cast<std::ptrdiff_t>(g * each),
                                    rank.begin() + static_cast<std::ptrdiff_t>((g + 1) * each));
        std::sort(of.rbegin(), of.rend());
        group_rank.emplace_back(-(of[0] + (spec.group_by_top_two ? of[1] : 0)), g);
    }
    std::sort(group_rank.begin(), group_rank.end());
    std::vector<std::pair<long double, std::size_t>> order;
    for (std::size_t g = 0; g < size(spec.groups_chosen); ++g) {
        for (std::size_t e = group_rank[g].second * each; e < (group_rank[g].second + 1) * each; ++e)
            order.emplace_back(-rank[e], e);
    }
    std::sort(order.begin(), order.end());
    order.resize(size(spec.chosen));
    long double sum = 0;
    for (const auto& [negative, e] : order) {
        weight[e] = spec.scoring == ExpertsSpec::Scoring::softmax_chosen ? std::exp(score[e]) : score[e];
        sum += weight[e];
    }
    const bool divided = spec.renormalise || spec.scoring == ExpertsSpec::Scoring::softmax_chosen;
    for (long double& value : weight) value *= spec.scale / (divided ? sum : 1);
    return weight;
}

}  // namespace

Table mixture(const WeightSource& weights, const ExpertsSpec& spec, const Table& x) {
    const Table logits = linear(weights, spec.router, x);
    const std::vector<double> correction =
        spec.correction ? all(weights, spec.correction) : std::vector<double>{};
    Table y(x.rows, x.cols);
    if (spec.shared) {
        y = mlp(weights, spec.shared, x);
        if (spec.shared_gate) {
            const Table gate = linear(weights, spec.shared_gate, x);
            for (std::size_t i = 0; i < y.rows; ++i) {
                for (std::size_t j = 0; j < y.cols; ++j) y(i, j) /= 1 + std::exp(-gate(i, 0));
            }
        }
    }
    std::vector<Table> made;  // every expert on every token
    for (const MlpSpec& expert : spec.experts) made.push_back(mlp(weights, expert, x));
    for (std::size_t i = 0; i < x.rows; ++i) {
        std::vector<long double> row;
        for (std::size_t e = 0; e < logits.cols; ++e) row.push_back(logits(i, e));
        const std::vector<long double> weight = routing(spec, row, correction);
        for (std::size_t e = 0; e < made.size(); ++e) {
            for (std::size_t j = 0; j < x.cols; ++j) y(i, j) += weight[e] * made[e](i, j);
        }
    }
    return y;
}

}  // namespace deadscope::testing

#include "tests/core/forward/reference.h"

#include <cmath>
#include <functional>
#include <numbers>

namespace deadscope::testing {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// The whole tensor, flat.
std::vector<double> all(const WeightSource& weights, const WeightRef& ref) {
    std::uint64_t count = 1;
    for (const std::int64_t n : ref.shape) count *= static_cast<std::uint64_t>(n);
    std::vector<double> values(count);
    weights.read(ref, {0, count}, std::span<double>(values));
    return values;
}

Table linear(const WeightSource& weights, const LinearSpec& spec, const Table& x) {
    const std::vector<double> w = all(weights, spec.weight);
    const std::vector<double> b =
        spec.bias ? all(weights, spec.bias) : std::vector<double>(size(spec.first_row + spec.out));
    Table y(x.rows, size(spec.out));
    for (std::size_t i = 0; i < y.rows; ++i) {
        for (std::size_t o = 0; o < y.cols; ++o) {
            const std::size_t row = size(spec.first_row) + o;
            long double sum = b[row];
            for (std::size_t k = 0; k < x.cols; ++k) {
                sum +=
                    x(i, k) * w[spec.stored_in_out ? k * size(spec.weight.shape[1]) + row : row * x.cols + k];
            }
            y(i, o) = sum;
        }
    }
    return y;
}

Table norm(const WeightSource& weights, const NormSpec& spec, const Table& x) {
    const NormParameters p = weights.norm(spec);
    Table y(x.rows, x.cols);
    const long double n = static_cast<long double>(x.cols);
    for (std::size_t i = 0; i < x.rows; ++i) {
        long double mean = 0, moment = 0;
        for (std::size_t j = 0; j < x.cols && spec.kind == NormKind::layer_norm; ++j) mean += x(i, j) / n;
        for (std::size_t j = 0; j < x.cols; ++j) moment += (x(i, j) - mean) * (x(i, j) - mean) / n;
        for (std::size_t j = 0; j < x.cols; ++j) {
            y(i, j) = (x(i, j) - mean) / std::sqrt(moment + spec.eps) * p.gamma[j] +
                      (p.beta.empty() ? 0.0 : p.beta[j]);
        }
    }
    return y;
}

void add(Table& x, const Table& y) {
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
}

void rotate(const AttentionSpec& spec, const SequenceLayout& layout, Table& x) {
    const RotarySpec& r = spec.rotary;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        for (std::size_t t = layout.starts[s]; t < layout.starts[s + 1]; ++t) {
            for (std::size_t head = 0; head < x.cols; head += size(spec.head_dim)) {
                for (std::size_t i = 0; i < size(r.dims) / 2; ++i) {
                    const std::size_t a = head + (r.interleaved ? 2 * i : i);
                    const std::size_t b = r.interleaved ? a + 1 : a + size(r.dims) / 2;
                    const long double angle =
                        static_cast<long double>(t - layout.starts[s]) * r.inverse_frequencies[i];
                    const long double c = std::cos(angle) * r.attention_factor,
                                      sn = std::sin(angle) * r.attention_factor;
                    const long double xa = x(t, a), xb = x(t, b);
                    x(t, a) = xa * c - xb * sn;
                    x(t, b) = xb * c + xa * sn;
                }
            }
        }
    }
}

// One query row t of one head against the keys [first, last).
void attend(const AttentionSpec& spec, std::size_t head, std::size_t t, std::size_t first, std::size_t last,
            const Table& q, const Table& k, const Table& v, Table& out) {
    const std::size_t width = size(spec.head_dim), kv = head / size(spec.heads / spec.kv_heads) * width;
    std::vector<long double> score(last - first);
    long double total = 0;
    for (std::size_t u = first; u < last; ++u) {
        long double dot = 0;
        for (std::size_t i = 0; i < width; ++i) dot += q(t, head * width + i) * k(u, kv + i);
        total += score[u - first] = std::exp(dot * spec.scale);
    }
    for (std::size_t i = 0; i < width; ++i) {
        long double sum = 0;
        for (std::size_t u = first; u < last; ++u) sum += score[u - first] / total * v(u, kv + i);
        out(t, head * width + i) = sum;
    }
}

Table attention(const WeightSource& weights, const AttentionSpec& spec, const SequenceLayout& layout,
                const Table& x) {
    Table q = linear(weights, spec.q, x), k = linear(weights, spec.k, x);
    const Table v = linear(weights, spec.v, x);
    rotate(spec, layout, q);
    rotate(spec, layout, k);
    Table mixed(x.rows, q.cols);
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        for (std::size_t t = layout.starts[s]; t < layout.starts[s + 1]; ++t) {
            for (std::size_t head = 0; head < size(spec.heads); ++head) {
                attend(spec, head, t, layout.starts[s], spec.causal ? t + 1 : layout.starts[s + 1], q, k, v,
                       mixed);
            }
        }
    }
    return linear(weights, spec.o, mixed);
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
    if (spec.gate) {
        const Table gate = linear(weights, spec.gate, x);
        for (std::size_t i = 0; i < up.values.size(); ++i)
            up.values[i] *= activate(spec.activation, gate.values[i]);
    } else {
        for (long double& value : up.values) value = activate(spec.activation, value);
    }
    return linear(weights, spec.down, up);
}

Table embed_tokens(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    const TokenInputSpec& spec = *plan.token_input;
    Table x(input.tokens(), size(plan.d));
    const std::vector<double> table = all(weights, spec.tokens);
    const std::vector<double> positions =
        spec.positions ? all(weights, spec.positions) : std::vector<double>{};
    const std::vector<double> types =
        spec.token_types ? all(weights, spec.token_types) : std::vector<double>(x.cols);
    for (std::size_t s = 0; s < input.layout.sequences(); ++s) {
        for (std::size_t t = input.layout.starts[s]; t < input.layout.starts[s + 1]; ++t) {
            const std::size_t position = t - input.layout.starts[s] + size(spec.position_offset);
            for (std::size_t j = 0; j < x.cols; ++j) {
                x(t, j) = spec.scale * table[size(input.ids[t]) * x.cols + j] + types[j] +
                          (spec.positions ? positions[position * x.cols + j] : 0.0);
            }
        }
    }
    return spec.norm ? norm(weights, *spec.norm, x) : x;
}

// As a convolution with stride = kernel: every output is a sum over channel, row and column of its patch.
Table embed_pictures(const WeightSource& weights, const Plan& plan, const ModelInput& input) {
    const PatchInputSpec& spec = *plan.patch_input;
    const std::vector<double> kernel = all(weights, spec.kernel), bias = all(weights, spec.bias);
    const std::vector<double> first = all(weights, spec.class_tokens[0]),
                              positions = all(weights, spec.positions);
    const std::size_t p = size(spec.patch), across = size(spec.image_width) / p,
                      per_image = size(spec.tokens_per_image());
    Table x(input.tokens(), size(plan.d));
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::size_t image = t / per_image, place = t % per_image;
        for (std::size_t j = 0; j < x.cols; ++j) {
            long double sum = place == 0 ? first[j] : bias[j];
            for (std::size_t e = 0; place > 0 && e < size(spec.channels) * p * p; ++e) {
                const std::size_t channel = e / (p * p), row = (place - 1) / across * p + e / p % p;
                const std::size_t column = (place - 1) % across * p + e % p;
                const std::size_t plane = (image * size(spec.channels) + channel) * size(spec.image_height);
                sum += kernel[j * size(spec.channels) * p * p + e] *
                       input.pixels[(plane + row) * size(spec.image_width) + column];
            }
            x(t, j) = sum + positions[place * x.cols + j];
        }
    }
    return spec.norm ? norm(weights, *spec.norm, x) : x;
}

}  // namespace

ReferenceRun reference_forward(const Plan& plan, const WeightSource& weights, const ModelInput& input) {
    ReferenceRun run;
    Table x = plan.token_input ? embed_tokens(weights, plan, input) : embed_pictures(weights, plan, input);
    run.streams.push_back(x);
    const bool post = plan.norm_position == NormPosition::post;
    for (const BlockSpec& block : plan.blocks) {
        const Table entered = x;
        add(x, attention(weights, block.attention, input.layout,
                         post ? x : norm(weights, *block.attention_norm, x)));
        if (post) x = norm(weights, *block.attention_norm, x);
        if (block.parallel) {
            add(x, mlp(weights, block.mlp,
                       norm(weights, block.mlp_norm ? *block.mlp_norm : *block.attention_norm, entered)));
        } else {
            add(x, mlp(weights, block.mlp, post ? x : norm(weights, *block.mlp_norm, x)));
        }
        run.norm_input = x;
        if (post) x = norm(weights, *block.mlp_norm, x);
        run.streams.push_back(x);
    }
    run.normalized = plan.final_norm ? norm(weights, *plan.final_norm, x) : x;
    if (plan.head) {
        Table first(std::min<std::size_t>(x.rows, 64), x.cols);
        std::copy_n(run.normalized.values.begin(), first.values.size(), first.values.begin());
        run.logits = linear(weights, plan.head.linear, first);
    }
    return run;
}

}  // namespace deadscope::testing

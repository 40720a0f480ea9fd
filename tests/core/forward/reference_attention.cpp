// Attention score by score: every term of plan.h's AttentionSpec where it is said to stand.
#include <bit>
#include <cmath>

#include "tests/core/forward/reference_parts.h"

namespace deadscope::testing {
namespace {

void rotate(const AttentionSpec& spec, const SequenceLayout& layout, Table& x) {
    const RotarySpec& r = spec.rotary;
    std::size_t longest = 0;
    for (std::size_t s = 0; s < layout.sequences(); ++s)
        longest = std::max(longest, layout.starts[s + 1] - layout.starts[s]);
    const bool is_long =
        r.long_beyond > 0 && longest > size(r.long_beyond) && !r.long_inverse_frequencies.empty();
    const auto& frequencies = is_long ? r.long_inverse_frequencies : r.inverse_frequencies;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        for (std::size_t t = layout.starts[s]; t < layout.starts[s + 1]; ++t) {
            for (std::size_t head = size(r.first); head < x.cols; head += size(spec.head_dim)) {
                for (std::size_t i = 0; i < size(r.dims) / 2; ++i) {
                    const std::size_t a = head + (r.interleaved ? 2 * i : i);
                    const std::size_t b = r.interleaved ? a + 1 : a + size(r.dims) / 2;
                    const long double angle = static_cast<long double>(t - layout.starts[s]) * frequencies[i];
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

// The parts of a head norm one after another, each on its own columns.
Table head_norm(const WeightSource& weights, const HeadNormSpec& spec, const Table& x) {
    if (!spec) return x;
    if (spec.parts.size() == 1 && spec.parts[0].d == spec.span) return norm(weights, spec.parts[0], x);
    Table y(x.rows, x.cols);
    std::vector<double> gamma, beta;
    for (const NormSpec& part : spec.parts) {
        const NormParameters p = weights.norm(part);
        gamma.insert(gamma.end(), p.gamma.begin(), p.gamma.end());
        beta.insert(beta.end(), p.beta.begin(), p.beta.end());
    }
    const bool centred = spec.parts[0].kind == NormKind::layer_norm;
    for (std::size_t i = 0; i < x.rows; ++i) {
        for (std::size_t j = 0; j < x.cols; ++j) {
            const std::size_t first = j / size(spec.span) * size(spec.span);
            long double mean = 0, moment = 0;
            for (std::size_t c = first; centred && c < first + size(spec.span); ++c)
                mean += x(i, c) / static_cast<long double>(spec.span);
            for (std::size_t c = first; c < first + size(spec.span); ++c)
                moment += std::pow(x(i, c) - mean, 2) / static_cast<long double>(spec.span);
            y(i, j) = (x(i, j) - mean) / std::sqrt(moment + spec.parts[0].eps) * gamma[j] +
                      (beta.empty() ? 0.0 : beta[j]);
        }
    }
    return y;
}

Table shaped(const WeightSource& weights, const AttentionSpec& spec, const SequenceLayout& layout,
             const HeadNormSpec& head, Table x) {
    for (long double& value : x.values)
        if (spec.clip > 0)
            value = std::max(std::min(value, static_cast<long double>(spec.clip)),
                             -static_cast<long double>(spec.clip));
    if (!spec.norm_after_rotary) x = head_norm(weights, head, x);
    rotate(spec, layout, x);
    return spec.norm_after_rotary ? head_norm(weights, head, x) : x;
}

Table queries(const WeightSource& weights, const AttentionSpec& spec, const Table& x) {
    if (!spec.latent || !spec.latent->q_down) return linear(weights, spec.q, x);
    return linear(weights, spec.q,
                  norm(weights, spec.latent->q_norm, linear(weights, spec.latent->q_down, x)));
}

KeysAndValues keys_and_values(const WeightSource& weights, const AttentionSpec& spec, const Table& x) {
    if (!spec.latent) return {linear(weights, spec.k, x), linear(weights, spec.v, x)};
    const Table latent = norm(weights, spec.latent->kv_norm, linear(weights, spec.latent->kv_down, x));
    const Table own = linear(weights, spec.k, latent), turned = linear(weights, spec.latent->k_rope, x);
    const std::size_t width = size(spec.head_dim), rope = turned.cols;
    Table k(x.rows, size(spec.kv_heads) * width);
    for (std::size_t i = 0; i < x.rows; ++i) {
        for (std::size_t j = 0; j < k.cols; ++j) {
            const std::size_t head = j / width, c = j % width;
            k(i, j) = c < width - rope ? own(i, head * (width - rope) + c) : turned(i, c - (width - rope));
        }
    }
    return {k, linear(weights, spec.v, latent)};
}

// As transformers' T5Attention: logarithms in float.
std::size_t bucket(const RelativeBiasSpec& spec, std::int64_t relative) {
    std::int64_t half = spec.buckets, start = 0;
    if (spec.bidirectional) {
        half /= 2;
        if (relative > 0) start = half;
    } else if (relative > 0) {
        relative = 0;
    }
    const std::int64_t distance = relative < 0 ? -relative : relative, near = half / 2;
    if (distance < near) return size(start + distance);
    const float ratio =
        std::log(static_cast<float>(distance) / static_cast<float>(near)) /
        static_cast<float>(std::log(static_cast<double>(spec.max_distance) / static_cast<double>(near)));
    const auto far = near + static_cast<std::int64_t>(ratio * static_cast<float>(half - near));
    return size(start + std::min(far, half - 1));
}

// As transformers' DebertaV2: the row for query i and key j, distance = i - j.
std::size_t place(const DisentangledSpec& spec, std::int64_t distance) {
    std::int64_t row = distance;
    const std::int64_t mid = spec.buckets / 2, far = distance < 0 ? -distance : distance;
    if (spec.buckets > 0 && far > mid) {
        const float log_row =
            std::ceil(std::log(static_cast<float>(far) / static_cast<float>(mid)) /
                      std::log(static_cast<float>(static_cast<double>(spec.max_distance - 1) /
                                                  static_cast<double>(mid))) *
                      static_cast<float>(mid - 1)) +
            static_cast<float>(mid);
        row = static_cast<std::int64_t>(log_row) * (distance < 0 ? -1 : 1);
    }
    row += spec.span;
    return size(row < 0 ? 0 : row > 2 * spec.span - 1 ? 2 * spec.span - 1 : row);
}

double bf16(double value) {  // exact in eight bits of significand, by decimal-free rounding to even
    if (value == 0.0) return 0.0;
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

// What is added to scale · q·k.
struct Terms {
    std::vector<double> bias;  // [buckets, heads]
    Table key_places, query_places;
};

long double extra(const AttentionSpec& spec, const Terms& terms, std::size_t h, std::size_t i, std::size_t j,
                  const std::vector<long double>& q, const std::vector<long double>& k) {
    const std::int64_t offset = static_cast<std::int64_t>(j) - static_cast<std::int64_t>(i);
    long double sum = 0;
    if (!spec.slopes.empty() && spec.slopes_in_bf16) {
        sum += spec.scale * bf16(bf16(spec.slopes[h]) * bf16(static_cast<double>(j)));
    } else if (!spec.slopes.empty()) {
        sum += spec.slopes[h] * static_cast<long double>(offset);
    }
    if (spec.relative_bias.table)
        sum += terms.bias[bucket(spec.relative_bias, offset) * size(spec.heads) + h];
    if (spec.disentangled) {
        const std::size_t row = place(spec.disentangled, -offset);
        for (std::size_t c = 0; c < q.size(); ++c) {
            if (spec.disentangled.key) sum += spec.scale * q[c] * terms.key_places(row, h * q.size() + c);
            if (spec.disentangled.query) sum += spec.scale * k[c] * terms.query_places(row, h * q.size() + c);
        }
    }
    return sum;
}

bool sees(const AttentionSpec& spec, std::size_t i, std::size_t j) {
    const std::int64_t behind = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(j);
    if (spec.causal) return behind >= 0 && (spec.window == 0 || behind < spec.window);
    return spec.window == 0 || std::abs(behind) <= spec.window;
}

std::vector<long double> head_of(const Table& x, std::size_t row, std::size_t head, std::size_t width) {
    std::vector<long double> values;
    for (std::size_t c = 0; c < width; ++c) values.push_back(x(row, head * width + c));
    return values;
}

}  // namespace

Table attention(const WeightSource& weights, const AttentionSpec& spec, const SequenceLayout& layout,
                const Table& x, std::vector<KeysAndValues>& of_blocks) {
    const std::size_t width = size(spec.head_dim), value_width = size(spec.value_width());
    const std::size_t shared = size(spec.heads / spec.kv_heads);
    const Table q = shaped(weights, spec, layout, spec.q_norm, queries(weights, spec, x));
    KeysAndValues own;
    if (spec.keys_of) {
        own = of_blocks[*spec.keys_of];
    } else {
        own = keys_and_values(weights, spec, x);
        own.k = shaped(weights, spec, layout, spec.k_norm, own.k);
        AttentionSpec unturned = spec;
        unturned.rotary = {};
        own.v = shaped(weights, unturned, layout, spec.v_norm, own.v);
    }
    of_blocks.push_back(own);
    Terms terms;
    if (spec.relative_bias.table) terms.bias = all(weights, spec.relative_bias.table);
    if (spec.disentangled) {
        Table table(2 * size(spec.disentangled.span), x.cols);
        const std::vector<double> values = all(weights, spec.disentangled.table);
        table.values.assign(values.begin(), values.end());
        table = norm(weights, spec.disentangled.norm, table);
        if (spec.disentangled.key) terms.key_places = linear(weights, spec.disentangled.key, table);
        if (spec.disentangled.query) terms.query_places = linear(weights, spec.disentangled.query, table);
    }
    const std::vector<double> sinks = spec.sinks ? all(weights, spec.sinks) : std::vector<double>{};
    Table mixed(x.rows, size(spec.heads) * value_width);
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const std::size_t start = layout.starts[s], length = layout.starts[s + 1] - start;
        for (std::size_t t = 0; t < length * size(spec.heads); ++t) {
            const std::size_t i = t / size(spec.heads), h = t % size(spec.heads);
            const auto of_query = head_of(q, start + i, h, width);
            std::vector<long double> weight(length, 0);
            long double total = sinks.empty() ? 0.0L : std::exp(static_cast<long double>(sinks[h]));
            for (std::size_t j = 0; j < length; ++j) {
                if (!sees(spec, i, j)) continue;
                const auto of_key = head_of(own.k, start + j, h / shared, width);
                long double score = 0;
                for (std::size_t c = 0; c < width; ++c) score += spec.scale * of_query[c] * of_key[c];
                score += extra(spec, terms, h, i, j, of_query, of_key);
                if (spec.score_cap > 0) score = spec.score_cap * std::tanh(score / spec.score_cap);
                total += weight[j] = std::exp(score);
            }
            for (std::size_t j = 0; j < length; ++j) {
                for (std::size_t c = 0; c < value_width; ++c)
                    mixed(start + i, h * value_width + c) +=
                        weight[j] / total * own.v(start + j, h / shared * value_width + c);
            }
        }
    }
    return linear(weights, spec.o, norm(weights, spec.inner_norm, mixed));
}

}  // namespace deadscope::testing

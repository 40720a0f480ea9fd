// The second half of attention_part.h: what is added to the scores, and the mixing of tokens in steps short
// enough to be cancelled between.
#include <algorithm>
#include <bit>
#include <cmath>

#include "core/forward/attention_part.h"
#include "core/forward/relative_places.h"

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// To the nearest bf16, ties to even; of finite values within bf16's range.
double rounded_to_bf16(double value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    return static_cast<double>(std::bit_cast<float>(rounded));
}

}  // namespace

bool AttentionPart::load_score_terms(Share share) {
    const AttentionSpec& spec = *spec_;
    call_ = {};
    call_.heads = size(spec.heads);
    call_.kv_heads = size(spec.kv_heads);
    call_.head_dim = size(spec.head_dim);
    call_.value_dim = size(spec.value_width());
    call_.causal = spec.causal;
    // A window that holds the longest sequence is none.
    call_.window = size(spec.window) < pass_.longest_sequence() ? size(spec.window) : 0;
    call_.scale = spec.scale;
    call_.cap = spec.score_cap;
    sinks_ = spec.sinks ? pass_.host(spec.sinks, call_.heads) : std::vector<double>{};
    call_.sinks = sinks_;
    place_of_.clear();
    load_distances();
    return !spec.disentangled || load_places(spec.disentangled, share);
}

// ALiBi's slopes and T5's buckets are functions of head and distance alone.
void AttentionPart::load_distances() {
    const AttentionSpec& spec = *spec_;
    const std::size_t heads = call_.heads, longest = pass_.longest_sequence();
    if (spec.slopes_in_bf16 && !spec.slopes.empty()) {
        std::vector<double> by_key(heads * longest);
        for (std::size_t h = 0; h < heads; ++h) {
            for (std::size_t j = 0; j < longest; ++j) {
                by_key[h * longest + j] =
                    spec.scale * rounded_to_bf16(rounded_to_bf16(spec.slopes[h]) *
                                                 rounded_to_bf16(static_cast<double>(j)));
            }
        }
        call_.by_key = pass_.backend.allocate(heads, longest);
        pass_.backend.write(call_.by_key, std::span<const double>(by_key));
    }
    const bool sloped = !spec.slopes.empty() && !spec.slopes_in_bf16;
    if (!sloped && !spec.relative_bias.table) return;
    const std::size_t width = 2 * longest - 1;
    const std::vector<double> table =
        spec.relative_bias.table
            ? pass_.host(spec.relative_bias.table, size(spec.relative_bias.buckets) * heads)
            : std::vector<double>{};
    std::vector<double> terms(heads * width);
    for (std::size_t place = 0; place < width; ++place) {
        const std::int64_t offset = static_cast<std::int64_t>(place) - static_cast<std::int64_t>(longest - 1);
        const std::size_t bucket = table.empty() ? 0 : size(relative_bucket(spec.relative_bias, offset));
        for (std::size_t h = 0; h < heads; ++h) {
            terms[h * width + place] = (sloped ? spec.slopes[h] * static_cast<double>(offset) : 0.0) +
                                       (table.empty() ? 0.0 : table[bucket * heads + h]);
        }
    }
    call_.by_distance = pass_.backend.allocate(heads, width);
    pass_.backend.write(call_.by_distance, std::span<const double>(terms));
}

bool AttentionPart::load_places(const DisentangledSpec& spec, Share share) {
    const std::size_t places = 2 * size(spec.span), width = call_.heads * call_.head_dim;
    place_of_ = disentangled_places(spec, pass_.longest_sequence());
    call_.place_of = place_of_;
    Matrix table;  // [places, d]
    if (!pass_.load(spec.table, places, size(pass_.plan.d), table, share.at(0.2))) return false;
    LoadedNorm norm;
    pass_.load(spec.norm, norm);
    if (norm) pass_.norm(table, norm, table);
    const auto project = [&](const LinearSpec& linear, Matrix& to, double local) {
        if (!linear) return true;
        LoadedLinear weights;
        if (!pass_.load(linear, weights, local)) return false;
        to = pass_.backend.allocate(places, width);
        return pass_.linear(table, weights, to, local);
    };
    return project(spec.key, call_.key_places, share.at(0.5)) &&
           project(spec.query, call_.query_places, share.at(0.9));
}

// The sequences of a chunk in groups that one step may hold.
bool AttentionPart::mix(const Chunk& chunk, Share share) {
    const std::vector<std::size_t>& starts = chunk.layout.starts;
    const double width = static_cast<double>(call_.heads * (call_.head_dim + call_.value_dim));
    const double window = static_cast<double>(call_.window);
    for (std::size_t s = 0; s + 1 < starts.size();) {
        const std::size_t first = starts[s];
        SequenceLayout group{{0}};
        double cost = 0.0;
        do {
            const double length = static_cast<double>(starts[s + 1] - starts[s]);
            double keys = call_.causal ? 0.5 * length : length;
            if (call_.window > 0) keys = std::min(keys, call_.causal ? window : 2.0 * window);
            cost += 2.0 * length * keys * width;
            group.starts.push_back(starts[++s] - first);
        } while (s + 1 < starts.size() && cost < pass_.step_budget());
        const double done = static_cast<double>(starts[s]) / static_cast<double>(chunk.rows);
        if (!mix_group(first, group, cost, share.at(done))) return false;
    }
    return true;
}

// One long sequence may be too much for a step: then its heads go in groups that share keys and values, the
// queries of such a group one by one, and last the positions in turn.
bool AttentionPart::mix_group(std::size_t first, const SequenceLayout& group, double cost, double local) {
    const auto parts = [&](double steps, std::size_t most) {
        return std::clamp<std::size_t>(static_cast<std::size_t>(steps), 1, std::max<std::size_t>(most, 1));
    };
    const auto share = [](std::size_t all, std::size_t count) { return (all + count - 1) / count; };
    const double steps = cost / pass_.step_budget();
    const std::size_t shared = call_.heads / call_.kv_heads;
    const std::size_t kv_parts = parts(steps, call_.kv_heads), kv_each = share(call_.kv_heads, kv_parts);
    const double left = kv_each == 1 ? steps / static_cast<double>(call_.kv_heads) : 1.0;
    const std::size_t q_parts = parts(left, shared), q_each = share(shared, q_parts);
    constexpr std::size_t fewest_rows = 512;
    std::size_t longest = 0;
    for (std::size_t s = 0; s < group.sequences(); ++s)
        longest = std::max(longest, group.starts[s + 1] - group.starts[s]);
    const std::size_t row_parts =
        q_each == 1 ? parts(left / static_cast<double>(shared), longest / fewest_rows) : 1;
    const std::size_t row_each = share(longest, row_parts);
    for (std::size_t kv_head = 0; kv_head < call_.kv_heads; kv_head += kv_each) {
        for (std::size_t within = 0; within < shared; within += q_each) {
            AttentionCall part = call_;
            part.kv_heads = std::min(kv_each, call_.kv_heads - kv_head);
            part.heads = kv_each == 1 ? std::min(q_each, shared - within) : part.kv_heads * shared;
            for (std::size_t row = 0; row < longest; row += row_each) {
                part.first_query = row;
                part.last_query = row + row_each;
                mix_heads(first, group, part, kv_head * shared + within, kv_head);
                if (!pass_.meter.step("forward", local)) return false;
            }
        }
    }
    return true;
}

// Of the group of sequences that begins at row `first`, the heads of `part` from `head` and `kv_head` on.
void AttentionPart::mix_heads(std::size_t first, const SequenceLayout& group, const AttentionCall& of,
                              std::size_t head, std::size_t kv_head) {
    AttentionCall part = of;
    const auto heads = [&](const Matrix& m, std::size_t from, std::size_t count, std::size_t width) {
        return m.row_range(first, group.tokens()).columns(from * width, count * width);
    };
    const auto table_rows = [&](const Matrix& m) { return m.empty() ? m : m.row_range(head, part.heads); };
    const auto table_columns = [&](const Matrix& m) {
        return m.empty() ? m : m.columns(head * part.head_dim, part.heads * part.head_dim);
    };
    part.by_distance = table_rows(call_.by_distance);
    part.by_key = table_rows(call_.by_key);
    part.key_places = table_columns(call_.key_places);
    part.query_places = table_columns(call_.query_places);
    if (!call_.sinks.empty()) part.sinks = call_.sinks.subspan(head, part.heads);
    Matrix out = heads(mixed_, head, part.heads, part.value_dim);
    pass_.backend.attention(part, group, heads(q_rows_, head, part.heads, part.head_dim),
                            heads(at_k_, kv_head, part.kv_heads, part.head_dim),
                            heads(at_v_, kv_head, part.kv_heads, part.value_dim), out);
}

}  // namespace deadscope

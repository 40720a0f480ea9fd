// See block.h.
#include "core/forward/block.h"

#include <algorithm>

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

}  // namespace

BlockRunner::BlockRunner(Pass& pass) : pass_(pass) {
    const std::vector<std::size_t>& starts = pass.input.layout.starts;
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
        const bool fits = !chunks_.empty() && starts[s + 1] - chunks_.back().first <= pass.chunk_tokens();
        if (!fits) chunks_.push_back({starts[s], 0, {{0}}});
        Chunk& chunk = chunks_.back();
        chunk.rows = starts[s + 1] - chunk.first;
        chunk.layout.starts.push_back(chunk.rows);
        longest_chunk_ = std::max(longest_chunk_, chunk.rows);
    }
    // Reading an element costs about what a hundred tokens cost that are multiplied by it.
    load_share_ = 100.0 / (100.0 + static_cast<double>(pass.input.tokens()));
}

double BlockRunner::local(double within_chunk) const {
    const double rows = static_cast<double>(at_->first) + within_chunk * static_cast<double>(at_->rows);
    return load_share_ + (1.0 - load_share_) * rows / static_cast<double>(pass_.input.tokens());
}

bool BlockRunner::load(const BlockSpec& spec) {
    const AttentionSpec& attention = spec.attention;
    if (spec.attention_norm) pass_.load(*spec.attention_norm, weights_.attention_norm);
    if (spec.mlp_norm) pass_.load(*spec.mlp_norm, weights_.mlp_norm);
    return pass_.load(attention.q, weights_.q, 0.1 * load_share_) &&
           pass_.load(attention.k, weights_.k, 0.2 * load_share_) &&
           pass_.load(attention.v, weights_.v, 0.3 * load_share_) &&
           pass_.load(attention.o, weights_.o, 0.4 * load_share_) &&
           pass_.load(spec.mlp.gate, weights_.gate, 0.6 * load_share_) &&
           pass_.load(spec.mlp.up, weights_.up, 0.8 * load_share_) &&
           pass_.load(spec.mlp.down, weights_.down, load_share_);
}

// Rows of a piece: a chunk is one sequence at least, which may be long; what is not attention goes in pieces.
std::size_t BlockRunner::piece_rows(const BlockSpec& spec) const {
    constexpr std::size_t most = 1u << 23;  // elements of the widest buffer
    const std::size_t widest = std::max(size(spec.mlp.up.out), size(pass_.plan.d));
    return std::min(pass_.chunk_tokens(), std::max<std::size_t>(64, most / widest));
}

bool BlockRunner::run(std::size_t index, Matrix& x) {
    const BlockSpec& spec = pass_.plan.blocks[index];
    pass_.meter.begin_block(index);
    if (!load(spec)) return false;
    piece_ = std::min(piece_rows(spec), longest_chunk_);
    stream_ = index + 1;
    show_norm_input_ = pass_.plan.norm_position == NormPosition::post && spec.mlp_norm &&
                       pass_.tap.wants(TapPoint::norm_input, stream_);
    for (const Chunk& chunk : chunks_) {
        at_ = &chunk;
        if (!run_chunk(spec, chunk, x.row_range(chunk.first, chunk.rows))) return false;
    }
    return !show_norm_input_ || pass_.tap.finished(TapPoint::norm_input, stream_);
}

bool BlockRunner::run_chunk(const BlockSpec& spec, const Chunk& chunk, Matrix x) {
    if (!project(spec, x) || !attend(spec.attention, chunk)) return false;
    const Matrix a = scratch_.a.row_range(0, chunk.rows);
    for (std::size_t first = 0; first < chunk.rows; first += piece_) {
        const std::size_t count = std::min(piece_, chunk.rows - first);
        if (!finish_piece(spec, a.row_range(first, count), chunk.first + first, x.row_range(first, count)))
            return false;
    }
    return true;
}

// Queries, keys and values of a chunk, turned by their positions.
bool BlockRunner::project(const BlockSpec& spec, const Matrix& x) {
    const AttentionSpec& attention = spec.attention;
    const bool normed = pass_.plan.norm_position == NormPosition::pre && spec.attention_norm;
    const std::size_t width = size(attention.heads * attention.head_dim);
    const std::size_t kv_width = size(attention.kv_heads * attention.head_dim);
    pass_.reserve(scratch_.q, longest_chunk_, width);
    pass_.reserve(scratch_.a, longest_chunk_, width);
    pass_.reserve(scratch_.k, longest_chunk_, kv_width);
    pass_.reserve(scratch_.v, longest_chunk_, kv_width);
    for (std::size_t first = 0; first < x.rows; first += piece_) {
        const std::size_t count = std::min(piece_, x.rows - first);
        Matrix h = x.row_range(first, count);
        if (normed) {
            h = pass_.reserve(scratch_.h, piece_, x.cols).row_range(0, count);
            pass_.norm(x.row_range(first, count), weights_.attention_norm, h);
        }
        if (!pass_.linear(h, weights_.q, scratch_.q.row_range(first, count), local(0.1)) ||
            !pass_.linear(h, weights_.k, scratch_.k.row_range(first, count), local(0.15)) ||
            !pass_.linear(h, weights_.v, scratch_.v.row_range(first, count), local(0.2))) {
            return false;
        }
    }
    if (attention.rotary.dims == 0) return true;
    Matrix q = scratch_.q.row_range(0, x.rows), k = scratch_.k.row_range(0, x.rows);
    pass_.backend.rotary(attention.rotary, size(attention.head_dim), at_->layout, q);
    pass_.backend.rotary(attention.rotary, size(attention.head_dim), at_->layout, k);
    return pass_.meter.step("forward", local(0.2));
}

// The sequences of a chunk in groups that one step may hold.
bool BlockRunner::attend(const AttentionSpec& spec, const Chunk& chunk) {
    const std::vector<std::size_t>& starts = chunk.layout.starts;
    const double width = static_cast<double>(spec.heads * spec.head_dim);
    for (std::size_t s = 0; s + 1 < starts.size();) {
        const std::size_t first = starts[s];
        SequenceLayout group{{0}};
        double cost = 0.0;
        do {
            const double length = static_cast<double>(starts[s + 1] - starts[s]);
            cost += 4.0 * length * length * width * (spec.causal ? 0.5 : 1.0);
            group.starts.push_back(starts[++s] - first);
        } while (s + 1 < starts.size() && cost < pass_.step_budget());
        // One long sequence may still be too much: then its heads go in groups that share keys and values.
        const std::int64_t parts =
            std::clamp<std::int64_t>(static_cast<std::int64_t>(cost / pass_.step_budget()), 1, spec.kv_heads);
        const std::int64_t shared = spec.heads / spec.kv_heads, each = (spec.kv_heads + parts - 1) / parts;
        for (std::int64_t head = 0; head < spec.kv_heads; head += each) {
            AttentionSpec part = spec;
            part.kv_heads = std::min(each, spec.kv_heads - head);
            part.heads = part.kv_heads * shared;
            const auto heads_of = [&](const Matrix& m, std::int64_t per_kv_head, std::int64_t of) {
                return m.row_range(first, group.tokens())
                    .columns(size(head * per_kv_head * spec.head_dim), size(of * spec.head_dim));
            };
            Matrix out = heads_of(scratch_.a, shared, part.heads);
            pass_.backend.attention(part, group, heads_of(scratch_.q, shared, part.heads),
                                    heads_of(scratch_.k, 1, part.kv_heads),
                                    heads_of(scratch_.v, 1, part.kv_heads), out);
            if (!pass_.meter.step("forward", local(0.4))) return false;
        }
    }
    return true;
}

// What follows attention's mixing of tokens, row by row: its output map, the MLP, and the norms between
// (plan.h, BlockSpec).
bool BlockRunner::finish_piece(const BlockSpec& spec, const Matrix& a, std::size_t first, Matrix x) {
    const bool pre = pass_.plan.norm_position == NormPosition::pre;
    Matrix h = pass_.reserve(scratch_.h, piece_, x.cols).row_range(0, x.rows);
    Matrix delta = pass_.reserve(scratch_.delta, piece_, x.cols).row_range(0, x.rows);
    const auto add = [&] { pass_.backend.add(delta, x); };
    if (spec.parallel) {
        // Both branches read the x that entered the block, so h is made before anything is added.
        pass_.norm(x, spec.mlp_norm ? weights_.mlp_norm : weights_.attention_norm, h);
        if (!pass_.linear(a, weights_.o, delta, local(0.5))) return false;
        add();
        if (!mlp(spec.mlp, h, delta)) return false;
        add();
        return pass_.meter.step("forward", local(1.0));
    }
    if (!pass_.linear(a, weights_.o, delta, local(0.5))) return false;
    add();
    if (!pre && spec.attention_norm) pass_.norm(x, weights_.attention_norm, x);
    const bool normed = pre && spec.mlp_norm;
    if (normed) pass_.norm(x, weights_.mlp_norm, h);
    if (!mlp(spec.mlp, normed ? h : x, delta)) return false;
    add();
    if (show_norm_input_) pass_.tap.chunk(TapPoint::norm_input, stream_, first, pass_.backend, x);
    if (!pre && spec.mlp_norm) pass_.norm(x, weights_.mlp_norm, x);
    return pass_.meter.step("forward", local(1.0));
}

// y = down(act(up(x))), or down(act(gate(x)) ⊙ up(x)).
bool BlockRunner::mlp(const MlpSpec& spec, const Matrix& x, Matrix y) {
    const std::size_t width = size(spec.up.out);
    Matrix up = pass_.reserve(scratch_.up, piece_, width).row_range(0, x.rows);
    if (!pass_.linear(x, weights_.up, up, local(0.6))) return false;
    if (spec.gate) {
        Matrix gate = pass_.reserve(scratch_.gate, piece_, width).row_range(0, x.rows);
        if (!pass_.linear(x, weights_.gate, gate, local(0.7))) return false;
        pass_.backend.activate(spec.activation, gate);
        pass_.backend.multiply(gate, up);
    } else {
        pass_.backend.activate(spec.activation, up);
    }
    return pass_.meter.step("forward", local(0.75)) && pass_.linear(up, weights_.down, y, local(0.9));
}

}  // namespace deadscope

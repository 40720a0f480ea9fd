// See block.h.
#include "core/forward/block.h"

#include <algorithm>

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

std::vector<Chunk> chunks_of(const SequenceLayout& layout, std::size_t most) {
    std::vector<Chunk> chunks;
    for (std::size_t s = 0; s < layout.sequences(); ++s) {
        const bool fits = !chunks.empty() && layout.starts[s + 1] - chunks.back().first <= most;
        if (!fits) chunks.push_back({layout.starts[s], 0, {{0}}});
        Chunk& chunk = chunks.back();
        chunk.rows = layout.starts[s + 1] - chunk.first;
        chunk.layout.starts.push_back(chunk.rows);
    }
    return chunks;
}

std::size_t longest_of(const std::vector<Chunk>& chunks) {
    std::size_t longest = 0;
    for (const Chunk& chunk : chunks) longest = std::max(longest, chunk.rows);
    return longest;
}

constexpr double mixture_share = 0.8;  // of the time behind a block's loading, where it has experts

}  // namespace

BlockRunner::BlockRunner(Pass& pass)
    : pass_(pass),
      pre_(pass.plan.norm_position == NormPosition::pre),
      attention_(pass, longest_of(chunks_of(pass.input.layout, pass.chunk_tokens()))),
      mlp_(pass),
      mixture_(pass),
      layer_input_(pass),
      beside_(pass),
      chunks_(chunks_of(pass.input.layout, pass.chunk_tokens())),
      longest_chunk_(longest_of(chunks_)),
      // Reading an element costs about what a hundred tokens cost that are multiplied by it.
      load_share_(100.0 / (100.0 + static_cast<double>(pass.input.tokens()))) {}

bool BlockRunner::load_branch(const std::optional<NormSpec>& norm, const WeightRef& scale, Branch& to) {
    pass_.load(norm, to.out_norm);
    to.scale = {};
    return !scale || pass_.load(scale, 1, size(pass_.plan.d), to.scale, 0.0);
}

bool BlockRunner::load(const BlockSpec& spec) {
    const Share share{0.0, load_share_};
    pass_.load(spec.attention_norm, attention_norm_);
    pass_.load(spec.mlp_norm, mlp_norm_);
    output_scale_ = spec.output_scale ? pass_.host(spec.output_scale, 1)[0] : 1.0;
    return load_branch(spec.attention_out_norm, spec.attention_scale, attention_branch_) &&
           load_branch(spec.mlp_out_norm, spec.mlp_scale, mlp_branch_) &&
           attention_.load(stream_ - 1, share.part(0.0, 0.4)) &&
           (!spec.layer_input || layer_input_.load(*spec.layer_input, share.at(0.4))) &&
           (spec.experts || !spec.mlp || mlp_.load(spec.mlp, share.part(0.4, 1.0)));
}

// Rows of a piece: a chunk is one sequence at least, which may be long; what is not attention goes in pieces.
std::size_t BlockRunner::piece_rows() const {
    constexpr std::size_t most = 1u << 23;  // elements of the widest buffer
    const MlpSpec& network = spec_->experts ? spec_->experts.experts.front() : spec_->mlp;
    const std::size_t widest =
        std::max({size(network.up.out), size(spec_->experts.shared.up.out), size(pass_.plan.d)});
    return std::min(pass_.chunk_tokens(), std::max<std::size_t>(64, most / widest));
}

bool BlockRunner::run(std::size_t index, Matrix& x) {
    const BlockSpec& spec = pass_.plan.blocks[index];
    spec_ = &spec;
    stream_ = index + 1;
    pass_.meter.begin_block(index);
    if (index == 0) layer_input_.keep(x);
    if (!load(spec)) return false;
    const std::size_t most = std::min(piece_rows(), longest_chunk_);
    const std::size_t pieces = (longest_chunk_ + most - 1) / most;
    piece_ = (longest_chunk_ + pieces - 1) / pieces;  // evened out: a short last one would run slowly
    show_norm_input_ = !pre_ && spec.mlp_norm && pass_.tap.wants(TapPoint::norm_input, stream_);
    if ((spec.experts && spec.parallel) || spec.convolution) {  // they read the stream that entered
        Matrix entered = pass_.reserve(entered_, x.rows, x.cols);
        pass_.backend.copy(x, entered);
    }
    for (const Chunk& chunk : chunks_) {
        if (!run_chunk(chunk, x.row_range(chunk.first, chunk.rows))) return false;
    }
    if (spec.experts && !run_mixture(x)) return false;
    if (spec.convolution && !beside_.run(*spec.convolution, entered_, x, 1.0)) return false;
    return !show_norm_input_ || pass_.tap.finished(TapPoint::norm_input, stream_);
}

bool BlockRunner::run_chunk(const Chunk& chunk, Matrix x) {
    const double behind = (1.0 - load_share_) * (spec_->experts ? 1.0 - mixture_share : 1.0);
    const double tokens = static_cast<double>(pass_.input.tokens());
    const Share share{load_share_ + behind * static_cast<double>(chunk.first) / tokens,
                      behind * static_cast<double>(chunk.rows) / tokens};
    Matrix mixed;
    const LoadedNorm none;
    if (!attention_.run(chunk, x, pre_ ? attention_norm_ : none, piece_, share.part(0.0, 0.4), mixed))
        return false;
    for (std::size_t first = 0; first < chunk.rows; first += piece_) {
        const std::size_t count = std::min(piece_, chunk.rows - first);
        if (!run_piece(mixed.row_range(first, count), chunk.first + first, x.row_range(first, count),
                       share.part(0.4, 1.0)))
            return false;
    }
    return true;
}

// What follows attention's mixing of tokens, row by row: its output map, the MLP, and the norms between
// (plan.h, BlockSpec). A mixture's rows are left before it.
bool BlockRunner::run_piece(Matrix mixed, std::size_t first, Matrix x, Share share) {
    const bool dense = !spec_->experts && spec_->mlp;
    Matrix delta = pass_.reserve(delta_, piece_, x.cols).row_range(0, x.rows);
    pass_.reserve(h_, piece_, x.cols);
    Matrix h = x;
    const auto norm = [&](const LoadedNorm& w) { h = pass_.normed(x, w, h_); };
    // In parallel both branches read the x that entered the block, so h is made before anything is added.
    if (spec_->parallel && dense) {
        h = h_.row_range(0, x.rows);
        const LoadedNorm& own = mlp_norm_ ? mlp_norm_ : attention_norm_;
        if (own) {
            pass_.norm(x, own, h);
        } else {
            pass_.backend.copy(x, h);
        }
    }
    if (!attention_.output(mixed, delta, share.at(0.2))) return false;
    join(attention_branch_, delta, x);
    if (!pre_ && attention_norm_) pass_.norm(x, attention_norm_, x);
    if (spec_->experts) return pass_.meter.step("forward", share.at(1.0));
    if (dense) {
        if (pre_ && !spec_->parallel) norm(mlp_norm_);
        if (!mlp_.run(h, delta, share.part(0.2, 1.0))) return false;
        join(mlp_branch_, delta, x);
    }
    return leave(first, x, share.at(1.0));
}

// x += branch_scale · scale ⊙ norm(delta).
void BlockRunner::join(const Branch& branch, Matrix delta, Matrix x) {
    if (branch.out_norm) pass_.norm(delta, branch.out_norm, delta);
    if (!branch.scale.empty()) pass_.backend.multiply_row(branch.scale, delta);
    pass_.backend.add(delta, x, spec_->branch_scale);
}

// What both branches have been added to becomes the block's output; `first` is its first row of the input.
bool BlockRunner::leave(std::size_t first, Matrix x, double local) {
    if (show_norm_input_) pass_.tap.chunk(TapPoint::norm_input, stream_, first, pass_.backend, x);
    if (!pre_ && mlp_norm_) pass_.norm(x, mlp_norm_, x);
    if (spec_->layer_input && !layer_input_.add(first, x, local)) return false;
    if (output_scale_ != 1.0) pass_.backend.scale(output_scale_, x);
    return pass_.meter.step("forward", local);
}

bool BlockRunner::run_mixture(Matrix& x) {
    const Share share{1.0 - (1.0 - load_share_) * mixture_share, (1.0 - load_share_) * mixture_share};
    const LoadedNorm none;
    const LoadedNorm& own = mlp_norm_ || !spec_->parallel ? mlp_norm_ : attention_norm_;
    const Matrix& from = spec_->parallel ? entered_ : x;
    Matrix delta = pass_.reserve(mixed_experts_, x.rows, x.cols);
    if (!mixture_.run(spec_->experts, from, pre_ ? own : none, piece_, share.part(0.0, 0.95), delta))
        return false;
    for (std::size_t first = 0; first < x.rows; first += piece_) {
        const std::size_t count = std::min(piece_, x.rows - first);
        const Matrix rows = x.row_range(first, count);
        join(mlp_branch_, delta.row_range(first, count), rows);
        if (!leave(first, rows, share.at(0.95))) return false;
    }
    return true;
}

}  // namespace deadscope

// See attention_part.h: projections and what is done to each token's queries, keys and values. The scores'
// other terms and the mixing are attention_mixing.cpp's.
#include "core/forward/attention_part.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace deadscope {
namespace {

std::size_t size(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// The spec with the frequencies that hold for an input whose longest sequence is `longest`.
RotarySpec rotary_for(const RotarySpec& spec, std::size_t longest) {
    RotarySpec result = spec;
    if (spec.long_beyond > 0 && !spec.long_inverse_frequencies.empty() && longest > size(spec.long_beyond))
        result.inverse_frequencies = spec.long_inverse_frequencies;
    return result;
}

// The block whose keys and values are meant by those of `block`, which may read them from an earlier one too.
std::size_t source_of_keys(const Plan& plan, std::size_t block) {
    while (true) {
        const std::optional<std::size_t>& before = plan.blocks.at(block).attention.keys_of;
        if (!before || *before >= block) return block;
        block = *before;
    }
}

}  // namespace

AttentionPart::AttentionPart(Pass& pass, std::size_t longest_chunk)
    : pass_(pass), longest_chunk_(longest_chunk) {
    for (const BlockSpec& block : pass.plan.blocks) {
        if (block.attention.keys_of) kept_blocks_.insert(source_of_keys(pass.plan, *block.attention.keys_of));
    }
}

bool AttentionPart::load(std::size_t index, Share share) {
    const AttentionSpec& spec = pass_.plan.blocks[index].attention;
    spec_ = &spec;
    index_ = index;
    rotary_ = rotary_for(spec.rotary, pass_.longest_sequence());
    if (rotary_.by_patch) load_patch_angles();
    const LinearSpec none;
    const bool own_keys = !spec.keys_of;
    pass_.load(spec.q_norm, q_norm_);
    pass_.load(own_keys ? spec.k_norm : HeadNormSpec{}, k_norm_);
    pass_.load(own_keys ? spec.v_norm : HeadNormSpec{}, v_norm_);
    pass_.load(spec.inner_norm, inner_norm_);
    pass_.load(spec.latent ? spec.latent->q_norm : std::nullopt, latent_q_norm_);
    pass_.load(spec.latent ? std::optional(spec.latent->kv_norm) : std::nullopt, latent_kv_norm_);
    return pass_.load(spec.latent ? spec.latent->q_down : none, q_down_, share.at(0.1)) &&
           pass_.load(spec.q, q_, share.at(0.2)) &&
           pass_.load(spec.latent ? spec.latent->kv_down : none, kv_down_, share.at(0.3)) &&
           pass_.load(spec.latent ? spec.latent->k_rope : none, k_rope_, share.at(0.35)) &&
           pass_.load(own_keys ? spec.k : none, k_, share.at(0.5)) &&
           pass_.load(own_keys ? spec.v : none, v_, share.at(0.65)) &&
           pass_.load(spec.o, o_, share.at(0.8)) && load_score_terms(share.part(0.8, 1.0));
}

// Where the keys and values of this chunk are, or are to be written.
void AttentionPart::choose_keys(const Chunk& chunk) {
    const std::size_t k_width = call_.kv_heads * call_.head_dim, v_width = call_.kv_heads * call_.value_dim;
    const auto rows_of = [&](const Matrix& all) { return all.row_range(chunk.first, chunk.rows); };
    if (spec_->keys_of) {
        const Kept& kept = kept_.at(source_of_keys(pass_.plan, *spec_->keys_of));
        at_k_ = rows_of(kept.k);
        at_v_ = rows_of(kept.v);
    } else if (kept_blocks_.contains(index_)) {
        Kept& kept = kept_[index_];
        if (kept.k.empty()) {
            kept.k = pass_.backend.allocate(pass_.input.tokens(), k_width);
            kept.v = pass_.backend.allocate(pass_.input.tokens(), v_width);
        }
        at_k_ = rows_of(kept.k);
        at_v_ = rows_of(kept.v);
    } else {
        at_k_ = pass_.reserve(k_rows_, longest_chunk_, k_width).row_range(0, chunk.rows);
        at_v_ = pass_.reserve(v_rows_, longest_chunk_, v_width).row_range(0, chunk.rows);
    }
}

bool AttentionPart::run(const Chunk& chunk, const Matrix& x, const LoadedNorm& norm, std::size_t piece,
                        Share share, Matrix& mixed) {
    choose_keys(chunk);
    pass_.reserve(q_rows_, longest_chunk_, call_.heads * call_.head_dim);
    pass_.reserve(mixed_, longest_chunk_, call_.heads * call_.value_dim);
    for (std::size_t first = 0; first < x.rows; first += piece) {
        const std::size_t count = std::min(piece, x.rows - first);
        const Matrix h = pass_.normed(x.row_range(first, count), norm, h_);
        if (!project(h, first, share.part(0.0, 0.5))) return false;
    }
    if (!shape(chunk, share.at(0.5)) || !mix(chunk, share.part(0.5, 1.0))) return false;
    mixed = mixed_.row_range(0, chunk.rows);
    return true;
}

bool AttentionPart::project(const Matrix& h, std::size_t first, Share share) {
    Matrix from = h;
    if (spec_->latent && spec_->latent->q_down) {
        from = pass_.reserve(q_latent_, h.rows, size(spec_->latent->q_down.out));
        if (!pass_.linear(h, q_down_, from, share.at(0.2))) return false;
        if (latent_q_norm_) pass_.norm(from, latent_q_norm_, from);
    }
    if (!pass_.linear(from, q_, q_rows_.row_range(first, h.rows), share.at(0.4))) return false;
    return spec_->keys_of || project_keys(h, first, share.part(0.4, 1.0));
}

bool AttentionPart::project_keys(const Matrix& h, std::size_t first, Share share) {
    Matrix k = at_k_.row_range(first, h.rows);
    const Matrix v = at_v_.row_range(first, h.rows);
    if (!spec_->latent) return pass_.linear(h, k_, k, share.at(0.5)) && pass_.linear(h, v_, v, share.at(1.0));
    const LatentSpec& latent = *spec_->latent;
    const std::size_t rope = size(latent.rope), own = call_.head_dim - rope;
    const Matrix from = pass_.reserve(kv_latent_, h.rows, size(latent.kv_rank));
    const Matrix k_own = pass_.reserve(k_own_, h.rows, call_.kv_heads * own);
    const Matrix k_shared = pass_.reserve(k_shared_, h.rows, rope);
    if (!pass_.linear(h, kv_down_, from, share.at(0.3))) return false;
    pass_.norm(from, latent_kv_norm_, from);
    if (!pass_.linear(from, k_, k_own, share.at(0.5)) || !pass_.linear(from, v_, v, share.at(0.8)) ||
        !pass_.linear(h, k_rope_, k_shared, share.at(0.9)))
        return false;
    for (std::size_t head = 0; head < call_.kv_heads; ++head) {
        Matrix own_part = k.columns(head * call_.head_dim, own);
        Matrix shared_part = k.columns(head * call_.head_dim + own, rope);
        pass_.backend.copy(k_own.columns(head * own, own), own_part);
        pass_.backend.copy(k_shared, shared_part);
    }
    return pass_.meter.step("forward", share.at(1.0));
}

bool AttentionPart::rotate(const Chunk& chunk, Matrix& m, double local) {
    if (rotary_.dims == 0) return true;
    if (rotary_.by_patch)
        rotate_by_patch(chunk, m);
    else
        pass_.backend.rotary(rotary_, call_.head_dim, chunk.layout, m);
    return pass_.meter.step("forward", local);
}

// x · cosines + swapped halves of x · sines, the sign of the first half in the sines (plan.h, RotarySpec).
void AttentionPart::load_patch_angles() {
    if (!cosines_.empty()) return;
    const PatchInputSpec& input = *pass_.plan.patch_input;
    const std::size_t rows = size(input.image_height / input.patch),
                      columns = size(input.image_width / input.patch);
    const std::size_t width = size(rotary_.dims), quarter = width / 4, half = width / 2;
    std::vector<double> cosines(rows * columns * width), sines(cosines.size());
    const auto centre = [](std::size_t at, std::size_t of) {
        return 2.0 * (static_cast<double>(at) + 0.5) / static_cast<double>(of) - 1.0;
    };
    for (std::size_t p = 0; p < rows * columns; ++p) {
        for (std::size_t i = 0; i < half; ++i) {
            const double along = i < quarter ? centre(p / columns, rows) : centre(p % columns, columns);
            const double angle = 2.0 * std::numbers::pi * along * rotary_.inverse_frequencies[i % quarter];
            for (const std::size_t at : {p * width + i, p * width + half + i}) {
                cosines[at] = std::cos(angle);
                sines[at] = at % width < half ? -std::sin(angle) : std::sin(angle);
            }
        }
    }
    cosines_ = pass_.backend.allocate(rows * columns, width);
    sines_ = pass_.backend.allocate(rows * columns, width);
    pass_.backend.write(cosines_, std::span<const double>(cosines));
    pass_.backend.write(sines_, std::span<const double>(sines));
}

void AttentionPart::rotate_by_patch(const Chunk& chunk, Matrix& m) {
    Backend& backend = pass_.backend;
    const std::size_t width = cosines_.cols, half = width / 2, patches = cosines_.rows;
    Matrix swapped = pass_.reserve(swapped_, patches, width);
    Matrix first = swapped.columns(0, half), second = swapped.columns(half, half);
    for (std::size_t s = 0; s < chunk.layout.sequences(); ++s) {
        const Matrix picture = m.row_range(chunk.layout.starts[s + 1] - patches, patches);
        for (std::size_t channel = 0; channel < m.cols; channel += width) {
            Matrix x = picture.columns(channel, width);
            backend.copy(x.columns(half, half), first);
            backend.copy(x.columns(0, half), second);
            backend.multiply(sines_, swapped);
            backend.multiply(cosines_, x);
            backend.add(swapped, x);
        }
    }
}

// Clipping, norms inside the heads and the rotation by position.
bool AttentionPart::shape(const Chunk& chunk, double local) {
    Matrix q = q_rows_.row_range(0, chunk.rows);
    const auto norm = [&](Matrix& m, const LoadedNorm& w) {
        if (!w) return true;
        pass_.norm(m, w, m);
        return pass_.meter.step("forward", local);
    };
    const auto clip = [&](Matrix& m) {
        if (spec_->clip > 0.0) pass_.backend.clamp(-spec_->clip, spec_->clip, m);
    };
    const auto turn = [&](Matrix& m, const LoadedNorm& w) {
        if (spec_->clip_after_norm) {
            if (!norm(m, w)) return false;
            clip(m);
            return rotate(chunk, m, local);
        }
        clip(m);
        if (spec_->norm_after_rotary) return rotate(chunk, m, local) && norm(m, w);
        return norm(m, w) && rotate(chunk, m, local);
    };
    if (!turn(q, q_norm_)) return false;
    if (spec_->keys_of) return true;
    clip(at_v_);
    return turn(at_k_, k_norm_) && norm(at_v_, v_norm_);
}

bool AttentionPart::output(Matrix mixed, Matrix y, double local) {
    if (inner_norm_) pass_.norm(mixed, inner_norm_, mixed);
    return pass_.linear(mixed, o_, y, local);
}

}  // namespace deadscope

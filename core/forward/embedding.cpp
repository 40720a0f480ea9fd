// See embedding.h: the input's kind by embedding_parts.h, then the norm behind it.
#include "core/forward/embedding.h"

#include <algorithm>

#include "core/forward/embedding_parts.h"

namespace deadscope {
namespace {

bool fill(Pass& pass, Matrix& x) {
    const Plan& plan = pass.plan;
    if (plan.patch_input) return embed_pictures(pass, *plan.patch_input, x);
    if (plan.sound_input) return embed_sounds(pass, *plan.sound_input, x);
    return embed_tokens(pass, *plan.token_input, x);
}

}  // namespace

const NormSpec* embedding_norm(const Plan& plan) {
    if (plan.patch_input && plan.patch_input->norm) return &*plan.patch_input->norm;
    if (!plan.token_input || !plan.token_input->norm) return nullptr;
    const TokenInputSpec& tokens = *plan.token_input;
    const bool projected_behind =
        tokens.projection && tokens.projection_place == TokenInputSpec::ProjectionPlace::after_norm;
    return projected_behind ? nullptr : &*tokens.norm;
}

bool embed(Pass& pass, Matrix& x) {
    if (!fill(pass, x)) return false;
    if (const NormSpec* spec = embedding_norm(pass.plan)) {
        LoadedNorm norm;
        pass.load(*spec, norm);
        if (!pass.show(TapPoint::norm_input, 0, x, 0.85)) return false;
        for (std::size_t first = 0; first < x.rows; first += pass.chunk_tokens()) {
            const Matrix piece = x.row_range(first, std::min(pass.chunk_tokens(), x.rows - first));
            pass.norm(piece, norm, piece);
            if (!pass.meter.step("forward", 0.9)) return false;
        }
    }
    return pass.meter.step("forward", 1.0);
}

}  // namespace deadscope

// See forward.h: embedding, blocks, final norm, head, with the taps between. The parts are beside this file.
#include "core/forward/forward.h"

#include <algorithm>

#include "core/forward/block.h"
#include "core/forward/embedding.h"
#include "core/forward/pass.h"
#include "core/forward/read_ahead.h"

namespace deadscope {
namespace {

// The output of the final norm for rows of X_L; a post-norm encoder's X_L is that already.
class FinalNorm {
public:
    explicit FinalNorm(Pass& pass) : pass_(pass) {
        if (pass.plan.final_norm) pass.load(*pass.plan.final_norm, norm_);
    }
    Matrix operator()(const Matrix& piece) {
        if (!pass_.plan.final_norm) return piece;
        Matrix y = pass_.reserve(rows_, piece.rows, piece.cols);
        pass_.norm(piece, norm_, y);
        return y;
    }

private:
    Pass& pass_;
    LoadedNorm norm_;
    Matrix rows_;  // [chunk, d]
};

// Logits of the first tokens; the head, often the largest matrix of all, is loaded in slices of the
// vocabulary.
bool show_logits(Pass& pass, Matrix y) {
    constexpr std::size_t slice_elements = 1u << 24;
    const HeadSpec& spec = pass.plan.head;
    const LinearSpec& head = spec.linear;
    const std::size_t in = static_cast<std::size_t>(head.in), out = static_cast<std::size_t>(head.out);
    const std::size_t slice = std::max<std::size_t>(1, slice_elements / in);
    Matrix logits = pass.backend.allocate(y.rows, out);  // [min(tokens, 64), vocabulary]
    LoadedLinear weights;
    if (spec.projection) {
        if (!pass.load(spec.projection, weights, 0.55)) return false;
        const Matrix projected = pass.backend.allocate(y.rows, in);
        if (!pass.linear(y, weights, projected, 0.6)) return false;
        y = projected;
    }
    for (std::size_t first = 0; first < out; first += slice) {
        const std::size_t count = std::min(slice, out - first);
        const double local = 0.6 + 0.4 * static_cast<double>(first) / static_cast<double>(out);
        if (!pass.load(head, first, count, weights, local)) return false;
        Matrix slice_logits = logits.columns(first, count);
        if (!pass.linear(y, weights, slice_logits, local)) return false;
        if (spec.scale != 1.0) pass.backend.scale(spec.scale, slice_logits);
        if (spec.cap > 0.0) pass.backend.cap(spec.cap, slice_logits);
    }
    pass.tap.chunk(TapPoint::logits, 0, 0, pass.backend, logits);
    return pass.tap.finished(TapPoint::logits, 0);
}

bool finish(Pass& pass, const Matrix& x) {
    constexpr std::size_t logit_tokens = 64;
    pass.meter.begin_end();
    if (pass.plan.final_norm && !pass.show(TapPoint::norm_input, reading_norm_index(pass.plan), x, 0.2))
        return false;
    FinalNorm normalized(pass);
    const auto make = [&](const Matrix& piece) { return normalized(piece); };
    if (!pass.show(TapPoint::final_normalized, 0, x, 0.5, make)) return false;
    if (pass.plan.head && pass.tap.wants(TapPoint::logits, 0)) {
        if (!show_logits(pass, normalized(x.row_range(0, std::min(x.rows, logit_tokens))))) return false;
    }
    return pass.meter.step("forward", 1.0);
}

bool run(Pass& pass) {
    if (!pass.meter.step("forward", 0.0)) return false;
    Matrix x =
        pass.backend.allocate(pass.input.tokens(), static_cast<std::size_t>(pass.plan.d));  // [tokens, d]
    pass.meter.begin_embedding();
    if (!embed(pass, x) || !pass.show(TapPoint::stream, 0, x, 1.0)) return false;
    BlockRunner blocks(pass);
    ReadAhead ahead(pass.plan, pass.weights);
    for (std::size_t i = 0; i < pass.plan.blocks.size(); ++i) {
        ahead.begin(i + 1);
        if (!blocks.run(i, x) || !pass.show(TapPoint::stream, i + 1, x, 1.0)) return false;
    }
    return finish(pass, x);
}

}  // namespace

Outcome run_forward(const Plan& plan, const WeightSource& weights, Backend& backend, const ModelInput& input,
                    Tap& tap, const Progress& progress, const ForwardOptions& options) {
    Pass pass(plan, weights, backend, input, tap, progress, options);
    return run(pass) ? Outcome::finished : Outcome::cancelled;
}

}  // namespace deadscope

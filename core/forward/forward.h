// The forward pass: a plan run over a backend, block by block over all tokens, one block's weights in
// memory at a time. Measurements are taken by a Tap, which sees each stream and lets it go.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/progress.h"
#include "core/model/plan.h"
#include "core/model/weights.h"

namespace deadscope {

// What goes in: token ids, pixels or sound, already checked against the plan (core/reading/input.h makes it).
struct ModelInput {
    std::vector<std::int32_t> ids;  // [tokens]; empty for others
    SequenceLayout layout;          // rows of the residual stream, class tokens included
    std::vector<float> pixels;      // [images, channels, height, width]; empty for others
    std::vector<float> features;    // [sounds, mel, frames], log-mel; empty for others
    std::size_t tokens() const { return layout.tokens(); }
};

enum class TapPoint {
    stream,      // X_l: index 0 enters the first block, index l is behind block l-1
    norm_input,  // x of y = γ ⊙ z(x) + β of a norm whose output is stream `index`, or of the final norm (L +
                 // 1)
    final_normalized,  // Y, the output of the reading norm (Plan::reading_norm)
    logits,            // [min(tokens, 64), vocabulary]
};

// Called with successive row chunks of one point, in order, all chunks of one (point, index) before the next.
class Tap {
public:
    virtual ~Tap() = default;
    virtual bool wants(TapPoint point, std::size_t index) const = 0;
    // x: [chunk rows, d] on the backend, valid during the call. first_row: of the whole input.
    virtual void chunk(TapPoint point, std::size_t index, std::size_t first_row, const Backend& backend,
                       const Matrix& x) = 0;
    // All rows of this point have been seen. Return false to stop the run.
    virtual bool finished(TapPoint point, std::size_t index) = 0;
};

// The index of TapPoint::norm_input at which the reading norm's input is shown.
inline std::size_t reading_norm_index(const Plan& plan) {
    return plan.blocks.size() + (plan.final_norm ? 1 : 0);
}

enum class Outcome { finished, cancelled };

struct ForwardOptions {
    std::size_t chunk_tokens = 2048;  // rows per step (whole sequences; at least one): bounds working memory
};

// Errors: weights that are not finite, tensors that cannot be read, out of memory.
Outcome run_forward(const Plan& plan, const WeightSource& weights, Backend& backend, const ModelInput& input,
                    Tap& tap, const Progress& progress, const ForwardOptions& options = {});

}  // namespace deadscope

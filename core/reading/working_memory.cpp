// Counts the large buffers: the stream, one block's weights, a chunk's activations, the d² factors and the
// final SVD.
#include "core/reading/working_memory.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/reading/words.h"

namespace deadscope {

namespace {

std::uint64_t elements(const LinearSpec& linear) {
    return linear ? static_cast<std::uint64_t>(linear.in) * static_cast<std::uint64_t>(linear.out) : 0;
}

std::uint64_t block_weights(const BlockSpec& block) {
    return elements(block.attention.q) + elements(block.attention.k) + elements(block.attention.v) +
           elements(block.attention.o) + elements(block.mlp.gate) + elements(block.mlp.up) +
           elements(block.mlp.down);
}

// Elements alive per row of a chunk: the normed input, q, k, v, the attention's output, both MLP halves.
std::uint64_t row_activations(const Plan& plan) {
    std::uint64_t most = 0;
    for (const BlockSpec& block : plan.blocks) {
        const auto& attention = block.attention;
        most = std::max(most,
                        static_cast<std::uint64_t>(3 * plan.d + attention.q.out * 2 + attention.k.out +
                                                   attention.v.out + block.mlp.gate.out + block.mlp.up.out));
    }
    return most;
}

// Two factors at work with their pending rows; the final SVD's copies of R, its vectors and LAPACK's
// workspace. Of fewer rows than channels the rows stand in for R (tsqr.h).
std::uint64_t spectra_bytes(std::uint64_t rows, std::uint64_t d) {
    const std::uint64_t factor = rows < d ? rows * d : (d + 1) * (d + 1);
    return factor * 8 * (2 * 2 + 8);
}

}  // namespace

WorkingMemory plan_memory(const Plan& plan, const ModelInput& input, Precision precision, std::uint64_t bound,
                          std::uint64_t factor_bytes) {
    const std::uint64_t size = precision == Precision::f64 ? 8 : 4;
    const auto d = static_cast<std::uint64_t>(plan.d), rows = static_cast<std::uint64_t>(input.tokens());
    std::uint64_t weights = 0;
    for (const BlockSpec& block : plan.blocks) weights = std::max(weights, block_weights(block));
    std::size_t longest = 0;
    for (std::size_t s = 0; s < input.layout.sequences(); ++s)
        longest = std::max(longest, input.layout.starts[s + 1] - input.layout.starts[s]);

    const std::uint64_t spectra = spectra_bytes(rows, d);
    const std::uint64_t fixed =
        rows * d * size + weights * size + spectra + input.pixels.size() * 4 + input.ids.size() * 4;
    WorkingMemory out{
        .chunk_tokens = ForwardOptions{}.chunk_tokens, .factor_bytes = factor_bytes, .bytes = 0};
    const auto needed = [&] {
        return fixed + std::min<std::uint64_t>(rows, out.chunk_tokens) * row_activations(plan) * size;
    };
    if (bound > 0) {
        while (needed() > bound && out.chunk_tokens > longest)
            out.chunk_tokens = std::max(longest, out.chunk_tokens / 2);
        if (needed() > bound)
            throw Error::resource("the reading does not fit into the memory allowed",
                                  {.expected = "at most " + bytes_text(bound),
                                   .found = "about " + bytes_text(needed()) + " needed",
                                   .hint = "raise --memory, or measure fewer tokens"});
        out.factor_bytes = std::min(factor_bytes, bound - needed());
    }
    out.bytes = needed() + out.factor_bytes;
    return out;
}

}  // namespace deadscope

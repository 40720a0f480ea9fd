// Counts the large buffers: the stream, one block's weights, a chunk's activations, the d² factors and the
// final SVD. Attention's tiles are not among them: they do not grow with the input.
#include "core/reading/working_memory.h"

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/reading/words.h"

namespace deadscope {

namespace {

std::uint64_t elements(const LinearSpec& linear) {
    return linear ? static_cast<std::uint64_t>(linear.in) * static_cast<std::uint64_t>(linear.out) : 0;
}

std::uint64_t elements(const MlpSpec& network) {
    return elements(network.gate) + elements(network.up) + elements(network.down);
}

// Of a mixture one network at a time is in memory, behind attention's.
std::uint64_t block_weights(const BlockSpec& block) {
    const AttentionSpec& attention = block.attention;
    std::uint64_t all = elements(attention.q) + elements(attention.o);
    if (!attention.keys_of) all += elements(attention.k) + elements(attention.v);
    if (attention.latent) {
        const LatentSpec& latent = *attention.latent;
        all += elements(latent.q_down) + elements(latent.kv_down) + elements(latent.k_rope);
    }
    std::uint64_t network = std::max(elements(block.mlp), elements(block.experts.shared));
    for (const MlpSpec& expert : block.experts.experts) network = std::max(network, elements(expert));
    return all + network + elements(block.experts.router);
}

// What converts weights in panels (512 outputs of a linear map on each thread) holds of them at once, beside
// the largest map's pages, which are let go behind it. Elements.
std::uint64_t panels(const BlockSpec& block, std::uint64_t threads) {
    std::uint64_t largest = 0, widest = 0;
    const auto look = [&](const LinearSpec& linear) {
        largest = std::max(largest, elements(linear));
        if (linear) widest = std::max(widest, static_cast<std::uint64_t>(linear.in));
    };
    const auto look_at = [&](const MlpSpec& network) {
        for (const LinearSpec* linear : {&network.gate, &network.up, &network.down}) look(*linear);
    };
    const AttentionSpec& a = block.attention;
    for (const LinearSpec* linear : {&a.q, &a.k, &a.v, &a.o, &block.experts.router}) look(*linear);
    if (a.latent)
        for (const LinearSpec* linear : {&a.latent->q_down, &a.latent->kv_down, &a.latent->k_rope})
            look(*linear);
    look_at(block.mlp);
    look_at(block.experts.shared);
    for (const MlpSpec& expert : block.experts.experts) look_at(expert);
    constexpr std::uint64_t outputs = 512;
    return largest + threads * outputs * widest;
}

std::int64_t width(const MlpSpec& network) {
    return network.gate.out + network.up.out;
}

// Elements alive per row of a chunk: the normed input and what a branch made, q, k, v, what is mixed of them,
// both halves of the network.
std::uint64_t row_activations(const Plan& plan) {
    std::int64_t most = 0;
    for (const BlockSpec& block : plan.blocks) {
        const AttentionSpec& a = block.attention;
        std::int64_t row = 3 * plan.d + a.heads * (a.head_dim + a.value_width());
        if (!a.keys_of) row += a.kv_heads * (a.head_dim + a.value_width());
        if (a.latent) row += a.latent->q_down.out + a.latent->kv_down.out + a.latent->rope + a.k.out;
        std::int64_t network = std::max(width(block.mlp), width(block.experts.shared));
        if (block.experts) network = std::max(network, width(block.experts.experts.front()));
        most = std::max(most, row + network);
    }
    return static_cast<std::uint64_t>(most);
}

// Elements per row of the whole input beside the stream: what a mixture adds up over its experts, and keys
// and values that later blocks read.
std::uint64_t row_kept(const Plan& plan) {
    std::int64_t mixture = 0, kept = 0;
    std::set<std::size_t> sources;
    for (const BlockSpec& block : plan.blocks) {
        if (block.experts) mixture = std::max(mixture, (block.parallel ? 2 : 1) * plan.d);
        if (block.attention.keys_of) sources.insert(*block.attention.keys_of);
    }
    for (const std::size_t source : sources) {
        const AttentionSpec& a = plan.blocks[source].attention;
        kept += a.kv_heads * (a.head_dim + a.value_width());
    }
    return static_cast<std::uint64_t>(mixture + kept);
}

// Two factors at work with their pending rows; the final SVD's copies of R, its vectors and LAPACK's
// workspace. Of fewer rows than channels the rows stand in for R (tsqr.h). A factor that is merged with other
// ranks' stands there twice, packed and unpacked.
std::uint64_t spectra_bytes(std::uint64_t rows, std::uint64_t d, bool shared) {
    const std::uint64_t factor = rows < d ? rows * d : (d + 1) * (d + 1);
    return factor * 8 * (2 * 2 + 8 + (shared ? 4 : 0));
}

}  // namespace

WorkingMemory plan_memory(const Plan& plan, const ModelInput& input, Precision precision, std::uint64_t bound,
                          std::uint64_t factor_bytes, std::uint64_t all_rows) {
    const std::uint64_t size = precision == Precision::f64 ? 8 : 4;
    const auto d = static_cast<std::uint64_t>(plan.d), rows = static_cast<std::uint64_t>(input.tokens());
    const auto threads = static_cast<std::uint64_t>(std::max(1, machine().cores));
    std::uint64_t weights = 0;
    for (const BlockSpec& block : plan.blocks)
        weights = std::max(weights, std::min(block_weights(block), panels(block, threads)));
    std::size_t longest = 0;
    for (std::size_t s = 0; s < input.layout.sequences(); ++s)
        longest = std::max(longest, input.layout.starts[s + 1] - input.layout.starts[s]);

    const std::uint64_t fixed = rows * (d + row_kept(plan)) * size + weights * size +
                                spectra_bytes(std::max(rows, all_rows), d, all_rows > rows) +
                                (input.pixels.size() + input.features.size() + input.ids.size()) * 4;
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

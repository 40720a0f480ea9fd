#include "tests/core/forward/reference.h"

#include "tests/core/forward/reference_parts.h"

namespace deadscope::testing {
namespace {

// x += branch_scale · scale ⊙ norm(y).
void join(const WeightSource& weights, const BlockSpec& block, const std::optional<NormSpec>& out_norm,
          const WeightRef& scale, Table y, Table& x) {
    y = norm(weights, out_norm, y);
    const std::vector<double> channel = scale ? all(weights, scale) : std::vector<double>(x.cols, 1.0);
    for (std::size_t i = 0; i < x.rows; ++i) {
        for (std::size_t j = 0; j < x.cols; ++j) x(i, j) += block.branch_scale * channel[j] * y(i, j);
    }
}

Table network(const WeightSource& weights, const BlockSpec& block, const Table& x) {
    return block.experts ? mixture(weights, block.experts, x) : mlp(weights, block.mlp, x);
}

// Returns what the block's last norm reads, where the norms stand behind the branches.
Table run_block(const WeightSource& weights, const Plan& plan, const BlockSpec& block,
                const SequenceLayout& layout, std::vector<KeysAndValues>& of_blocks, Table& x) {
    const bool post = plan.norm_position == NormPosition::post;
    const Table entered = x;
    const Table h = post ? x : norm(weights, block.attention_norm, x);
    join(weights, block, block.attention_out_norm, block.attention_scale,
         attention(weights, block.attention, layout, h, of_blocks), x);
    if (post) x = norm(weights, block.attention_norm, x);
    Table read = x;
    if (block.parallel) {
        read = norm(weights, block.mlp_norm ? block.mlp_norm : block.attention_norm, entered);
    } else if (!post) {
        read = norm(weights, block.mlp_norm, x);
    }
    join(weights, block, block.mlp_out_norm, block.mlp_scale, network(weights, block, read), x);
    const Table before = x;
    if (post) x = norm(weights, block.mlp_norm, x);
    if (block.output_scale) {
        const double factor = all(weights, block.output_scale)[0];
        for (long double& value : x.values) value *= factor;
    }
    return before;
}

Table logits(const WeightSource& weights, const HeadSpec& head, const Table& y) {
    Table first(std::min<std::size_t>(y.rows, 64), y.cols);
    std::copy_n(y.values.begin(), first.values.size(), first.values.begin());
    if (head.projection) first = linear(weights, head.projection, first);
    Table result = linear(weights, head.linear, first);
    for (long double& value : result.values) {
        value *= head.scale;
        if (head.cap > 0) value = head.cap * std::tanh(value / head.cap);
    }
    return result;
}

}  // namespace

ReferenceRun reference_forward(const Plan& plan, const WeightSource& weights, const ModelInput& input) {
    ReferenceRun run;
    Table x = embed(weights, plan, input);
    run.streams.push_back(x);
    std::vector<KeysAndValues> of_blocks;
    for (const BlockSpec& block : plan.blocks) {
        run.norm_input = run_block(weights, plan, block, input.layout, of_blocks, x);
        run.streams.push_back(x);
    }
    if (plan.final_norm) run.norm_input = x;
    run.normalized = norm(weights, plan.final_norm, x);
    if (plan.head) run.logits = logits(weights, plan.head, run.normalized);
    return run;
}

}  // namespace deadscope::testing

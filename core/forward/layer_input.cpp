// See layer_input.h.
#include "core/forward/layer_input.h"

#include <algorithm>
#include <span>

namespace deadscope {

void LayerInput::keep(const Matrix& x) {
    const auto& blocks = pass_.plan.blocks;
    const auto one =
        std::ranges::find_if(blocks, [](const BlockSpec& block) { return block.layer_input.has_value(); });
    if (one == blocks.end()) return;
    distinct_ = distinct_ids(pass_, static_cast<std::size_t>(one->layer_input->table.shape[0]));
    Matrix entered = pass_.reserve(entered_, x.rows, x.cols);
    pass_.backend.copy(x, entered);
}

bool LayerInput::load(const LayerInputSpec& spec, double local) {
    spec_ = &spec;
    pass_.load(spec.norm, norm_);
    pass_.load(spec.out_norm, out_norm_);
    const auto width = static_cast<std::size_t>(spec.width), first = static_cast<std::size_t>(spec.first);
    const auto row = static_cast<std::size_t>(spec.table.shape[1]);
    Matrix table = pass_.reserve(table_, distinct_.ids.size(), width);
    const auto first_of_row = [&](std::size_t i) {
        return static_cast<std::size_t>(distinct_.ids[i]) * row + first;
    };
    return pass_.load(spec.table, first_of_row, table, local) &&
           pass_.load(spec.projection, projection_, local) && pass_.load(spec.gate, gate_, local) &&
           pass_.load(spec.out, out_, local);
}

bool LayerInput::add(std::size_t first, Matrix x, double local) {
    Backend& backend = pass_.backend;
    const auto width = static_cast<std::size_t>(spec_->width);
    Matrix own = pass_.reserve(own_, x.rows, width), gated = pass_.reserve(gated_, x.rows, width);
    const Matrix made = pass_.reserve(made_, x.rows, x.cols);
    const Matrix entered = entered_.row_range(first, x.rows);
    if (!pass_.linear(entered, projection_, own, local)) return false;
    backend.scale(spec_->projection_scale, own);
    pass_.norm(own, norm_, own);
    backend.gather_add(table_.row_range(0, distinct_.ids.size()),
                       std::span(distinct_.place).subspan(first, x.rows), spec_->table_scale, own);
    backend.scale(spec_->scale, own);
    if (!pass_.linear(x, gate_, gated, local)) return false;
    backend.activate(spec_->activation, gated);
    backend.multiply(own, gated);
    if (!pass_.linear(gated, out_, made, local)) return false;
    if (out_norm_) pass_.norm(made, out_norm_, made);
    backend.add(made, x);
    return true;
}

}  // namespace deadscope

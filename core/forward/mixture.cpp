// See mixture.h.
#include "core/forward/mixture.h"

#include <algorithm>
#include <numeric>

#include "core/forward/routing.h"

namespace deadscope {

bool Mixture::run(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, std::size_t piece,
                  Share share, Matrix delta) {
    piece_ = piece;
    pass_.backend.fill_zero(delta);
    LoadedNorm router_norm, own_norm, out_norm;
    pass_.load(spec.router_norm, router_norm);
    pass_.load(spec.norm, own_norm);
    pass_.load(spec.out_norm, out_norm);
    pass_.load(spec.shared_out_norm, shared_out_);
    if (!route(spec, x, spec.router_norm ? router_norm : norm, share.part(0.0, 0.1))) return false;
    const double each = 0.8 / static_cast<double>(spec.experts.size());
    for (std::size_t i = 0; i < spec.experts.size(); ++i) {
        if (routed_[i].rows.empty()) continue;  // its weights are not even read
        const double from = 0.1 + static_cast<double>(i) * each;
        const Share own = share.part(from, from + each);
        if (!network_.load(spec.experts[i], own.part(0.0, 0.5)) ||
            !run_expert(routed_[i], x, spec.norm ? own_norm : norm, own.part(0.5, 1.0), delta))
            return false;
    }
    for (std::size_t first = 0; out_norm && first < x.rows; first += piece_) {
        const Matrix rows = delta.row_range(first, std::min(piece_, x.rows - first));
        pass_.norm(rows, out_norm, rows);
    }
    return !spec.shared || run_shared(spec, x, norm, share.part(0.9, 1.0), delta);
}

bool Mixture::route(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, Share share) {
    const std::size_t experts = spec.experts.size();
    LoadedLinear router;
    if (!pass_.load(spec.router, router, share.at(0.1))) return false;
    const std::vector<double> correction =
        spec.correction ? pass_.host(spec.correction, experts) : std::vector<double>{};
    const std::vector<double> scales =
        spec.expert_scale ? pass_.host(spec.expert_scale, experts) : std::vector<double>(experts, 1.0);
    routed_.assign(experts, {});
    Matrix slot;                 // [piece, experts]
    std::vector<double> logits;  // the same
    for (std::size_t first = 0; first < x.rows; first += piece_) {
        const std::size_t count = std::min(piece_, x.rows - first);
        const Matrix h = pass_.normed(x.row_range(first, count), norm, normed_);
        Matrix scores = pass_.reserve(slot, count, experts);
        const double local = share.at(static_cast<double>(first) / static_cast<double>(x.rows));
        if (!pass_.linear(h, router, scores, local)) return false;
        logits.resize(count * experts);
        if (spec.router_scale != 1.0) pass_.backend.scale(spec.router_scale, scores);
        pass_.backend.read(scores, logits);
        for (std::size_t i = 0; i < count; ++i) {
            const auto token = std::span<const double>(logits).subspan(i * experts, experts);
            for (const Choice& choice : choose_experts(spec, token, correction)) {
                routed_[choice.expert].rows.push_back(static_cast<std::int32_t>(first + i));
                routed_[choice.expert].weights.push_back(choice.weight * scales[choice.expert]);
            }
        }
        if (!pass_.meter.step("forward", local)) return false;
    }
    return true;
}

bool Mixture::run_expert(const Rows& rows, const Matrix& x, const LoadedNorm& norm, Share share,
                         Matrix delta) {
    for (std::size_t first = 0; first < rows.rows.size(); first += piece_) {
        const std::size_t count = std::min(piece_, rows.rows.size() - first);
        const auto ids = std::span(rows.rows).subspan(first, count);
        Matrix h = pass_.reserve(gathered_, count, x.cols);
        Matrix made = pass_.reserve(made_, count, x.cols);
        pass_.backend.fill_zero(h);
        pass_.backend.gather_add(x, ids, 1.0, h);
        if (norm) pass_.norm(h, norm, h);
        if (!network_.run(h, made, share)) return false;
        pass_.backend.scatter_add(made, ids, std::span(rows.weights).subspan(first, count), delta);
        if (!pass_.meter.step("forward", share.at(1.0))) return false;
    }
    return true;
}

// Every token goes there, with the gate's weight or 1.
bool Mixture::run_shared(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, Share share,
                         Matrix delta) {
    LoadedLinear gate;
    if (!network_.load(spec.shared, share.part(0.0, 0.3)) ||
        !pass_.load(spec.shared_gate, gate, share.at(0.3)))
        return false;
    Matrix slot;
    for (std::size_t first = 0; first < x.rows; first += piece_) {
        const std::size_t count = std::min(piece_, x.rows - first);
        const Matrix h = pass_.normed(x.row_range(first, count), norm, normed_);
        const Matrix made = pass_.reserve(made_, count, x.cols);
        std::vector<double> weights(count, 1.0);
        if (spec.shared_gate) {
            Matrix opened = pass_.reserve(slot, count, 1);
            if (!pass_.linear(h, gate, opened, share.at(0.4))) return false;
            pass_.backend.activate(Activation::sigmoid, opened);
            pass_.backend.read(opened, weights);
        }
        if (!network_.run(h, made, share.part(0.4, 1.0))) return false;
        if (shared_out_) pass_.norm(made, shared_out_, made);
        std::vector<std::int32_t> rows(count);
        std::iota(rows.begin(), rows.end(), 0);
        Matrix to = delta.row_range(first, count);
        pass_.backend.scatter_add(made, rows, weights, to);
    }
    return true;
}

}  // namespace deadscope

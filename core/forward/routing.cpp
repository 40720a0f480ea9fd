// See routing.h.
#include "core/forward/routing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace deadscope {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

void softmax(std::vector<double>& values) {
    const double top = *std::max_element(values.begin(), values.end());
    double total = 0.0;
    for (double& value : values) total += value = std::exp(value - top);
    for (double& value : values) value /= total;
}

// Indices of the `count` highest, best first, the lower index before its equal.
std::vector<std::size_t> highest(std::span<const double> values, std::size_t count) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    count = std::min(count, order.size());
    const auto better = [&](std::size_t a, std::size_t b) {
        return values[a] > values[b] || (values[a] == values[b] && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
    order.resize(count);
    return order;
}

// What stands outside the best groups can't be chosen.
void keep_best_groups(const ExpertsSpec& spec, std::vector<double>& scores) {
    const std::size_t groups = static_cast<std::size_t>(spec.groups);
    const std::size_t kept = static_cast<std::size_t>(spec.groups_chosen), each = scores.size() / groups;
    if (kept >= groups || each == 0) return;
    std::vector<double> group_scores;
    for (std::size_t g = 0; g < groups; ++g) {
        const std::span<const double> of = std::span(scores).subspan(g * each, each);
        double score = 0.0;
        for (const std::size_t i : highest(of, spec.group_by_top_two ? 2 : 1)) score += of[i];
        group_scores.push_back(score);
    }
    std::vector<bool> chosen(groups, false);
    for (const std::size_t g : highest(group_scores, kept)) chosen[g] = true;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (i / each >= groups || !chosen[i / each]) scores[i] = never;
    }
}

}  // namespace

std::vector<Choice> choose_experts(const ExpertsSpec& spec, std::span<const double> logits,
                                   std::span<const double> correction) {
    std::vector<double> scores(logits.begin(), logits.end());
    if (spec.scoring == ExpertsSpec::Scoring::softmax) softmax(scores);
    if (spec.scoring == ExpertsSpec::Scoring::sigmoid)
        for (double& score : scores) score = 1.0 / (1.0 + std::exp(-score));
    std::vector<double> ranked = scores;
    for (std::size_t i = 0; i < correction.size(); ++i) ranked[i] += correction[i];
    keep_best_groups(spec, ranked);
    const std::vector<std::size_t> chosen = highest(ranked, static_cast<std::size_t>(spec.chosen));
    std::vector<double> weights;
    for (const std::size_t expert : chosen) weights.push_back(scores[expert]);
    if (spec.scoring == ExpertsSpec::Scoring::softmax_chosen) softmax(weights);
    double divisor = 1.0;
    if (spec.renormalise) {
        divisor = std::accumulate(weights.begin(), weights.end(), 0.0);
        if (spec.scoring == ExpertsSpec::Scoring::sigmoid) divisor += 1e-20;
    }
    std::vector<Choice> choices;
    for (std::size_t i = 0; i < chosen.size(); ++i)
        choices.push_back({chosen[i], weights[i] / divisor * spec.scale});
    return choices;
}

}  // namespace deadscope

// See output_measure.h.
#include "core/reading/output_measure.h"

#include <numeric>

#include "core/reading/gather.h"

namespace deadscope {

OutputMeasure::OutputMeasure(NormKind kind, std::span<const double> gamma, Run& run, Backend* backend)
    : run_(run), backend_(backend), d_(gamma.size()), factor_(gamma.size(), run.tokens), floor_({}, {}) {
    run_.norm_kind = kind;
    run_.prediction = predict_kernel(kind, gamma);
    floor_ = FloorAccumulator(run_.prediction.v, gamma);
}

void OutputMeasure::add_output_in_place(const Matrix& rows) {
    if (!asked_) factor_there_ = factor_in_place(backend_, d_, run_.tokens);
    asked_ = true;
    if (factor_there_) factor_there_->add(rows);
}

void OutputMeasure::bring_factor() {
    if (factor_there_) factor_ = fetch(*factor_there_, d_);
    factor_there_.reset();
}

void OutputMeasure::gather(Ranks& ranks) {
    bring_factor();
    gather_measures(ranks, factor_, run_.tokens, &floor_);
}

void OutputMeasure::complete(const AlignmentSettings& settings) {
    bring_factor();
    const RightSvd svd = right_svd_in_place(backend_, factor_.centred(), d_);
    run_.singular_values = svd.values;
    run_.floor = floor_.floor(FloorAccumulator::Roundoff::of(run_.precision), run_.norm_kind);
    run_.mean_over_spread = floor_.mean_over_spread();
    run_.alignment = measure_alignment(run_.prediction, svd, run_.tokens, run_.floor.total(), settings);
    run_.lambda_v = floor_.lambda_v();
    run_.lambda_max = svd.values.front() * svd.values.front();
    run_.lambda_min = svd.values.back() * svd.values.back();
    for (const double sigma : svd.values) run_.lambda_mean += sigma * sigma / static_cast<double>(d_);
    run_.bottom.assign(svd.bottom().begin(), svd.bottom().end());
    if (std::inner_product(run_.bottom.begin(), run_.bottom.end(), run_.prediction.v.begin(), 0.0) < 0.0)
        for (double& value : run_.bottom) value = -value;
    run_.complete = true;
}

}  // namespace deadscope

// Rows → factors → one BlockReading a stream (math.md §§2 to 4).
#include "core/reading/measuring_tap.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/reading/gather.h"
#include "core/reading/words.h"

namespace deadscope {

namespace {

constexpr std::size_t kRows = 256;  // per step: a few milliseconds between two questions whether to go on

// Adds the time of a scope to a sum.
class Stopwatch {
public:
    explicit Stopwatch(double& sum) : sum_(sum) {}
    ~Stopwatch() { sum_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

private:
    double& sum_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool same_norm(const NormSpec& a, const NormSpec& b) {
    return a.name == b.name;
}

}  // namespace

MeasuringTap::MeasuringTap(const Plan& plan, const WeightSource& weights, Run& run, Options options)
    : plan_(plan),
      weights_(weights),
      run_(run),
      options_(std::move(options)),
      stream_(static_cast<std::size_t>(plan.d), run.tokens),
      output_(plan.reading_norm().kind, weights.norm(plan.reading_norm()).gamma, run, options_.backend) {
    for (const NormSpec& spec : plan.norms)
        norms_.push_back({.name = spec.name,
                          .block = spec.block,
                          .final = same_norm(spec, plan.reading_norm()),
                          .prediction = predict_kernel(spec.kind, weights.norm(spec).gamma)});
}

bool MeasuringTap::wants(TapPoint point, std::size_t) const {
    return point != TapPoint::logits;
}

void MeasuringTap::chunk(TapPoint point, std::size_t index, std::size_t first_row, const Backend& backend,
                         const Matrix& x) {
    const Stopwatch watch(seconds_);
    if (point == TapPoint::norm_input && first_row == 0) expect_norm_output(index);
    if (show_in_place(point, first_row, x)) return;
    for (std::size_t first = 0; first < x.rows && !stopped_; first += kRows) {
        if (!options_.go_on()) {
            stopped_ = true;
            return;
        }
        const std::size_t count = std::min(kRows, x.rows - first);
        rows_.resize(count * x.cols);
        backend.read(x.row_range(first, count), rows_);
        if (point == TapPoint::stream) stream_.add(rows_);
        if (point == TapPoint::norm_input) {
            if (index == reading_norm_index(plan_)) output_.add_input(rows_);
            if (own_floor_) own_floor_->add_input(rows_);
        }
        if (point == TapPoint::final_normalized) output_.add_output(rows_);
    }
}

// Rows that need not be read back are factored where they are. True: that was all that is done with them.
bool MeasuringTap::show_in_place(TapPoint point, std::size_t first_row, const Matrix& x) {
    if (point == TapPoint::final_normalized) output_.add_output_in_place(x);
    if (point != TapPoint::stream) return false;
    if (first_row == 0)
        stream_there_ = factor_in_place(options_.backend, static_cast<std::size_t>(plan_.d), run_.tokens);
    if (!stream_there_) return false;
    stream_there_->add(x);
    return true;
}

bool MeasuringTap::finished(TapPoint point, std::size_t index) {
    if (stopped_ || !options_.go_on()) return false;
    if (point != TapPoint::stream) return true;
    {
        const Stopwatch watch(seconds_);
        if (stream_there_) stream_ = fetch(*stream_there_, static_cast<std::size_t>(plan_.d));
        stream_there_.reset();
        if (!gather_stream()) return false;
        if (!options_.team || options_.team->leads()) measure_stream(index);
        own_floor_.reset();
        stream_ = TsqrFactor(static_cast<std::size_t>(plan_.d), run_.tokens);
    }
    options_.block_measured();
    return true;
}

// False where another rank stopped.
bool MeasuringTap::gather_stream() {
    if (!options_.team) return true;
    if (!options_.team->meet()) return false;
    gather_measures(options_.team->ranks(), stream_, run_.tokens, own_floor_ ? &*own_floor_ : nullptr);
    return true;
}

void MeasuringTap::measure_stream(std::size_t index) {
    const auto d = static_cast<std::size_t>(plan_.d);
    std::vector<double> uncentred = stream_.uncentred(), centred = stream_.centred();
    const BlockReading* previous = run_.blocks.empty() ? nullptr : &run_.blocks.back();
    BlockReading block = measure_block(index, uncentred, centred, d, unit_roundoff(run_.precision), previous);
    if (own_floor_)  // beside the rounding of the stream's values, that of the mean the norm took off (§3)
        block.floor = std::hypot(
            block.floor, own_floor_->mean_rounding_along(block.bottom, unit_roundoff(run_.precision)));
    block.rank_deficient = stream_.rows() <= d || (index == 0 && options_.independent_rows < d);
    overlap_with_norms(block);
    run_.blocks.push_back(std::move(block));
    judge_block(run_.blocks, run_.blocks.size() - 1, options_.residual);
    explain_own_norm(run_.blocks.back());
    keep_factors(std::move(uncentred), std::move(centred));
}

void MeasuringTap::overlap_with_norms(BlockReading& block) const {
    for (const NormDirection& norm : norms_) {
        const bool beside = norm.block ? *norm.block == block.index || *norm.block + 1 == block.index
                                       : norm.final && block.index == plan_.blocks.size();
        if (!beside || norm.prediction.v.size() != block.bottom.size()) continue;
        block.overlap_norms.push_back(
            {norm.name, std::abs(std::inner_product(block.bottom.begin(), block.bottom.end(),
                                                    norm.prediction.v.begin(), 0.0))});
    }
}

void MeasuringTap::expect_norm_output(std::size_t index) {
    own_floor_.reset();
    if (index > plan_.blocks.size()) return;  // the final norm's output is no stream
    const NormSpec* own = own_norm(index);
    if (!own || own->kind != NormKind::layer_norm) return;
    const std::vector<double> gamma = weights_.norm(*own).gamma;
    own_floor_.emplace(predict_kernel(own->kind, gamma).v, gamma);
}

const NormSpec* MeasuringTap::own_norm(std::size_t index) const {
    if (index == 0) {
        if (!plan_.token_input || !plan_.token_input->norm) return nullptr;
        const TokenInputSpec& tokens = *plan_.token_input;
        const bool projected_behind =
            tokens.projection && tokens.projection_place == TokenInputSpec::ProjectionPlace::after_norm;
        return projected_behind ? nullptr : &*tokens.norm;
    }
    if (plan_.norm_position != NormPosition::post) return nullptr;
    const auto& norm = plan_.blocks[index - 1].mlp_norm;
    return norm ? &*norm : nullptr;
}

// A stream that is a norm's output has that norm's kernel, centred (math.md §1, post-LN encoders): said, so
// that nobody takes it for a direction that training killed.
void MeasuringTap::explain_own_norm(BlockReading& block) const {
    const NormSpec* own = own_norm(block.index);
    if (!own) return;
    const auto found =
        std::ranges::find_if(norms_, [&](const NormDirection& norm) { return norm.name == own->name; });
    if (found == norms_.end()) return;
    const std::size_t silent = found->prediction.dead_by_gamma();
    const std::string whose = block.index == 0 ? "the norm before it" : "this block's own norm";
    if (silent > 0) {
        block.reason = "dead by γ alone: γ of " + whose + " is zero, or next to it, in " +
                       counted(silent, "channel") + (block.reason.empty() ? "" : "; " + block.reason);
    } else if (!block.flag && own->kind == NormKind::layer_norm) {
        if (!block.reason.empty()) block.reason += "; ";
        block.reason += "this stream is a LayerNorm's output: centred, it has the kernel that its γ predicts";
    }
}

void MeasuringTap::keep_factors(std::vector<double> uncentred, std::vector<double> centred) {
    const std::uint64_t bytes = (uncentred.size() + centred.size()) * sizeof(double);
    std::shared_ptr<const Run::Factors> kept;
    if (kept_bytes_ + bytes <= options_.factor_bytes) {
        kept_bytes_ += bytes;
        kept = std::make_shared<const Run::Factors>(Run::Factors{std::move(uncentred), std::move(centred)});
    }
    run_.stream_factors.push_back(std::move(kept));
}

bool MeasuringTap::complete() {
    const Stopwatch watch(seconds_);
    if (options_.team) {
        if (!options_.team->meet()) return false;
        output_.gather(options_.team->ranks());
        if (!options_.team->leads()) return true;
    }
    output_.complete(options_.alignment);
    return true;
}

}  // namespace deadscope

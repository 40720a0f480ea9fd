// Rows → factors → one BlockReading a stream (math.md §§2 to 4).
#include "core/reading/measuring_tap.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/magnitude.h"
#include "core/base/single_threaded_blas.h"
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

void expect_finite(std::span<const double> rows, Precision precision) {
    if (std::isfinite(largest_magnitude(rows))) return;
    const bool half = precision == Precision::f16;
    throw Error::input("the activations hold values that are not finite in " +
                           std::string(precision_name(precision)) + ", so they have no spectrum",
                       {.expected = half ? "values up to 65504, the largest of f16" : "finite numbers",
                        .hint = half ? "use bf16 or f32 (--precision)" : ""});
}

}  // namespace

MeasuringTap::MeasuringTap(const Plan& plan, const WeightSource& weights, Run& run, Options options)
    : plan_(plan),
      weights_(weights),
      run_(run),
      options_(std::move(options)),
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
    if (point == TapPoint::stream && !stream_) stream_ = begin_stream(index);
    for (std::size_t first = 0; first < x.rows && !stopped_; first += kRows) {
        if (!options_.go_on()) {
            stopped_ = true;
            return;
        }
        const std::size_t count = std::min(kRows, x.rows - first);
        rows_.resize(count * x.cols);
        backend.read(x.row_range(first, count), rows_);
        expect_finite(rows_, run_.precision);
        if (point == TapPoint::stream) stream_->measure->add(rows_);
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
    const Stopwatch watch(seconds_);
    if (!stream_) stream_ = begin_stream(index);
    if (stream_there_) stream_->measure->factor() = fetch(*stream_there_, static_cast<std::size_t>(plan_.d));
    stream_there_.reset();
    stream_->own_floor = std::move(own_floor_);
    own_floor_.reset();
    if (!gather_stream(*stream_)) return false;
    if (!options_.team || options_.team->leads()) {
        stream_->measure->finish();
        measuring_.push_back(std::move(*stream_));
    }
    stream_.reset();
    make_room();
    collect(false);
    return true;
}

// False where another rank stopped.
bool MeasuringTap::gather_stream(Stream& stream) {
    if (!options_.team) return true;
    if (!options_.team->meet()) return false;
    gather_measures(options_.team->ranks(), stream.measure->factor(), run_.tokens,
                    stream.own_floor ? &*stream.own_floor : nullptr);
    return true;
}

MeasuringTap::Stream MeasuringTap::begin_stream(std::size_t index) const {
    return {.index = index,
            .measure = std::make_unique<StreamMeasure>(
                StreamMeasure::What{.index = index,
                                    .d = static_cast<std::size_t>(plan_.d),
                                    .tokens = run_.tokens,
                                    .roundoff = unit_roundoff(run_.precision),
                                    .narrow = run_.precision != Precision::f64},
                options_.pool),
            .own_floor = {}};
}

// Rows and factors that wait are memory: where they grow, the pass stands still until they are fewer.
void MeasuringTap::make_room() {
    constexpr std::size_t most_bytes = 48u << 20, most_factors = 256u << 20;  // bytes
    const std::size_t d = static_cast<std::size_t>(plan_.d), each = 4 * d * d * sizeof(double);
    const auto too_many = [&] {
        std::size_t bytes = 0;
        for (const Stream& stream : measuring_) bytes += stream.measure->waiting_bytes();
        const std::size_t threads = static_cast<std::size_t>(options_.pool ? options_.pool->threads() : 1);
        const std::size_t streams = std::clamp<std::size_t>(most_factors / each, 1, 2 * threads);
        return bytes > most_bytes || measuring_.size() > streams;
    };
    while (!measuring_.empty() && too_many() && options_.go_on()) {
        if (options_.pool) options_.pool->help();
        collect(false);
    }
}

// Tells of the streams that are measured, in order.
void MeasuringTap::collect(bool all) {
    while (!measuring_.empty() && (all || measuring_.front().measure->done())) {
        const Stream stream = std::move(measuring_.front());
        measuring_.pop_front();
        stream.measure->wait();
        StreamMeasure::Result result = stream.measure->take();
        const double threads = options_.pool ? static_cast<double>(options_.pool->threads()) : 1.0;
        seconds_ += result.seconds / threads;
        tell(stream, std::move(result));
        options_.block_measured();
    }
}

void MeasuringTap::tell(const Stream& stream, StreamMeasure::Result result) {
    const auto d = static_cast<std::size_t>(plan_.d);
    BlockReading block = std::move(result.block);
    if (!run_.blocks.empty()) compare_with_previous(block, run_.blocks.back());
    if (stream.own_floor)  // beside the rounding of the stream's values, that of the mean the norm took off
                           // (§3)
        block.floor =
            std::hypot(block.floor, stream.own_floor->mean_rounding_along(
                                        block.bottom, FloorAccumulator::Roundoff::of(run_.precision).inside));
    block.rank_deficient = result.rows <= d || (stream.index == 0 && options_.independent_rows < d);
    overlap_with_norms(block);
    run_.blocks.push_back(std::move(block));
    judge_block(run_.blocks, run_.blocks.size() - 1, options_.residual);
    explain_own_norm(run_.blocks.back());
    keep_factors(std::move(result.uncentred), std::move(result.centred));
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
    // The last streams are at work while this thread takes the norm's output apart.
    std::optional<SingleThreadedBlas> single;
    if (options_.pool && !measuring_.empty()) single.emplace();
    output_.complete(options_.alignment);
    run_.complete = false;  // until the last streams are told of too
    collect(true);
    run_.complete = true;
    return true;
}

}  // namespace deadscope

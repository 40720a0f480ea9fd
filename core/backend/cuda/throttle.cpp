// See throttle.h.
#include "core/backend/cuda/throttle.h"

#include <algorithm>

namespace deadscope::cuda {
namespace {

// A slow GPU of compute capability 7.5; only a first guess.
constexpr double kOperations = 2e12, kDoubleOperations = 6e10;  // a second
constexpr double kBytes = 1e11;                                 // a second
constexpr double kLaunch = 5e-6;                                // seconds at least
constexpr double kSlice = 5e-3, kMost = 50e-3;                  // seconds
constexpr std::size_t kSliceOperations = 16;

}  // namespace

double Throttle::scale() const {
    if (!learnt()) return 1.0;
    std::array<double, 4> sorted = measured_;
    std::ranges::sort(sorted);
    return learnt_ >= sorted.size() ? sorted[sorted.size() - 2] : sorted.back();
}

void Throttle::before(const Cost& cost) {
    if (open_.operations >= kSliceOperations || (open_.operations > 0 && open_.cost * scale() >= kSlice))
        close();
    while (!queued_.empty() && queued_.front().end.done()) finish_oldest(/*waited=*/false);
    // Until a slice has been measured, each is waited for.
    while (!queued_.empty() && (!learnt() || waiting_ * scale() > kMost)) {
        queued_.front().end.wait();
        finish_oldest(/*waited=*/true);
    }
    if (open_.operations++ == 0) open_.begin.record(stream_);
    open_.cost += std::max(
        kLaunch, cost.operations / (cost.doubles ? kDoubleOperations : kOperations) + cost.bytes / kBytes);
}

void Throttle::pause() {
    if (open_.operations > 0) close();
}

void Throttle::close() {
    open_.end.record(stream_);
    waiting_ += open_.cost;
    queued_.push_back(std::move(open_));
    if (spare_.empty()) spare_.emplace_back();
    open_ = std::move(spare_.back());
    spare_.pop_back();
    open_.cost = 0.0;
    open_.operations = 0;
}

// A slice that was found done may have stood still for want of work; one that was waited for was at work.
void Throttle::finish_oldest(bool waited) {
    Slice slice = std::move(queued_.front());
    queued_.pop_front();
    waiting_ = queued_.empty() ? 0.0 : std::max(0.0, waiting_ - slice.cost);
    float milliseconds = 0.0F;
    if (waited || !learnt()) {
        check(cudaEventElapsedTime(&milliseconds, slice.begin.get(), slice.end.get()), "it computed");
        measured_[learnt_++ % measured_.size()] = static_cast<double>(milliseconds) * 1e-3 / slice.cost;
    }
    spare_.push_back(std::move(slice));
}

void Throttle::drained() {
    while (!queued_.empty()) finish_oldest(/*waited=*/false);
    if (open_.operations == 0) return;
    spare_.push_back(std::move(open_));
    open_ = std::move(spare_.back());
    spare_.pop_back();
    open_.cost = 0.0;
    open_.operations = 0;
}

}  // namespace deadscope::cuda

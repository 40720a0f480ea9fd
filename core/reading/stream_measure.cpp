// See stream_measure.h. Rows are handed over in portions of a few megabytes; at most one thread at a time
// works on a stream, so its factor is the same whatever the number of threads.
#include "core/reading/stream_measure.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace deadscope {
namespace {

constexpr std::size_t kPortion = 1u << 19;  // elements
constexpr std::size_t kRows = 256;          // factored between two looks whether to stop

}  // namespace

struct StreamMeasure::Shared {
    Shared(const What& the_what, std::thread::id the_caller)
        : what(the_what), caller(the_caller), factor(the_what.d, the_what.tokens) {}

    const What what;
    const std::thread::id caller;
    std::mutex mutex;  // guards what follows; the factor and the result belong to the thread at work
    std::deque<Portion> portions;
    std::size_t waiting = 0;  // bytes
    bool scheduled = false, complete = false, finished = false;
    std::exception_ptr failure;
    std::atomic<bool> stop{false};
    TsqrFactor factor;
    Result result;

    void add(const Portion& portion);
    void measure();
};

void StreamMeasure::Shared::add(const Portion& portion) {
    for (std::size_t first = 0; first < portion.size() && !stop; first += kRows * what.d) {
        const std::size_t count = std::min(kRows * what.d, portion.size() - first);
        if (portion.narrow.empty())
            factor.add(std::span(portion.wide).subspan(first, count));
        else
            factor.add(std::span(portion.narrow).subspan(first, count));
    }
}

void StreamMeasure::Shared::measure() {
    if (stop) return;
    result.rows = factor.rows();
    TsqrFactor::Pair both = factor.take();
    result.uncentred = std::move(both.uncentred);
    result.centred = std::move(both.centred);
    result.block =
        measure_block(what.index, result.uncentred, result.centred, what.d, what.roundoff, nullptr);
}

StreamMeasure::StreamMeasure(const What& what, ThreadPool* pool)
    : what_(what), pool_(pool), shared_(std::make_shared<Shared>(what, std::this_thread::get_id())) {}

StreamMeasure::~StreamMeasure() {
    shared_->stop = true;
}

// Until there is nothing to do, which the thread that finds it so says under the lock.
void StreamMeasure::work(Shared& shared) {
    const auto start = std::chrono::steady_clock::now();
    std::unique_lock lock(shared.mutex);
    while (!shared.portions.empty() || (shared.complete && !shared.finished)) {
        const bool last = shared.portions.empty();
        Portion portion;
        if (!last) portion = std::move(shared.portions.front());
        if (!last) shared.portions.pop_front();
        lock.unlock();
        std::exception_ptr failure;
        try {
            if (last) {
                shared.measure();
            } else {
                shared.add(portion);
            }
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        shared.waiting -= portion.bytes();
        if (failure && !shared.failure) shared.failure = failure;
        if (failure) shared.stop = true;
        if (last) shared.finished = true;
    }
    shared.scheduled = false;
    if (std::this_thread::get_id() != shared.caller)
        shared.result.seconds +=
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void StreamMeasure::schedule() {
    {
        const std::scoped_lock lock(shared_->mutex);
        if (std::exchange(shared_->scheduled, true)) return;
    }
    const auto task = [shared = shared_] { work(*shared); };
    if (pool_) return pool_->background(task);
    task();
}

void StreamMeasure::push() {
    if (gathered_.size() == 0) return;
    Portion portion = std::exchange(gathered_, {});
    {
        const std::scoped_lock lock(shared_->mutex);
        shared_->waiting += portion.bytes();
        shared_->portions.push_back(std::move(portion));
    }
    schedule();
}

void StreamMeasure::add(std::span<const double> rows) {
    const auto append = [&](auto& to) {
        if (to.empty()) to.reserve(std::min(what_.tokens * what_.d, kPortion) + rows.size());
        to.insert(to.end(), rows.begin(), rows.end());
    };
    if (what_.narrow)
        append(gathered_.narrow);
    else
        append(gathered_.wide);
    if (gathered_.size() >= kPortion) push();
}

std::size_t StreamMeasure::waiting_bytes() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->waiting;
}

TsqrFactor& StreamMeasure::factor() {
    push();
    const auto at_work = [&] {
        const std::scoped_lock lock(shared_->mutex);
        return shared_->scheduled;
    };
    while (pool_ && at_work())
        if (!pool_->help()) std::this_thread::yield();
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->failure) std::rethrow_exception(shared_->failure);
    return shared_->factor;
}

void StreamMeasure::finish() {
    push();
    gathered_ = {};
    {
        const std::scoped_lock lock(shared_->mutex);
        shared_->complete = true;
    }
    schedule();
}

bool StreamMeasure::done() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->finished;
}

void StreamMeasure::wait() {
    while (pool_ && !done())
        if (!pool_->help()) std::this_thread::yield();
}

StreamMeasure::Result StreamMeasure::take() {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->failure) std::rethrow_exception(shared_->failure);
    return std::move(shared_->result);
}

}  // namespace deadscope

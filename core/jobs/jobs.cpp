// The queue and its worker. A job's state changes only under the mutex; its work and its deliveries run
// outside of it.
#include "core/jobs/jobs.h"

#include <algorithm>
#include <atomic>
#include <new>

namespace deadscope {

namespace {

constexpr std::size_t kEnded = 64;         // ended jobs that are remembered once they have been listed
constexpr double kTrustedFraction = 0.02;  // below it a rate says nothing about the end
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

struct JobQueue::Job {
    JobStatus status;
    JobWork work;
    std::atomic<bool> cancelled{false};
    Clock::time_point started, ended;
    bool listed = false;  // status() has told how it ended

    JobStatus snapshot() const {
        JobStatus out = status;
        if (out.state == JobState::queued) return out;
        const bool running = out.state == JobState::running;
        out.elapsed_s =
            started == Clock::time_point{} ? 0.0 : seconds(started, running ? Clock::now() : ended);
        if (running && out.fraction >= kTrustedFraction)
            out.remaining_s = out.elapsed_s * (1.0 - out.fraction) / out.fraction;
        return out;
    }
};

JobQueue::JobQueue(std::function<void()> wake) : wake_(std::move(wake)), worker_([this] { work_loop(); }) {}

JobQueue::~JobQueue() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    cancel_all();
    changed_.notify_all();
    worker_.join();
}

void JobQueue::notify() {
    changed_.notify_all();
    if (wake_) wake_();
}

void JobQueue::end(const std::shared_ptr<Job>& job, JobState state) {
    job->status.state = state;
    job->ended = Clock::now();
    job->work = nullptr;  // what it captured is let go
    ended_.push_front(job);
    while (ended_.size() > kEnded && ended_.back()->listed) ended_.pop_back();
}

void JobQueue::cancel_where(const std::function<bool(const Job&)>& chosen) {
    for (auto job = queue_.begin(); job != queue_.end();) {
        if (!chosen(**job)) {
            ++job;
            continue;
        }
        (*job)->cancelled = true;
        end(*job, JobState::cancelled);
        job = queue_.erase(job);
    }
    if (running_ && chosen(*running_)) running_->cancelled = true;
    for (const auto& job : ended_)  // finished, but its deliveries may still wait
        if (chosen(*job)) job->cancelled = true;
}

std::uint64_t JobQueue::submit(std::string tag, std::string title, JobWork work) {
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock(mutex_);
        cancel_where([&](const Job& job) { return job.status.tag == tag; });
        auto job = std::make_shared<Job>();
        id = job->status.id = next_id_++;
        job->status.tag = std::move(tag);
        job->status.title = std::move(title);
        job->work = std::move(work);
        queue_.push_back(std::move(job));
    }
    notify();
    return id;
}

void JobQueue::cancel(std::uint64_t id) {
    {
        const std::scoped_lock lock(mutex_);
        cancel_where([&](const Job& job) { return job.status.id == id; });
    }
    notify();
}

void JobQueue::cancel_tag(const std::string& tag) {
    {
        const std::scoped_lock lock(mutex_);
        cancel_where([&](const Job& job) { return job.status.tag == tag; });
    }
    notify();
}

void JobQueue::cancel_all() {
    {
        const std::scoped_lock lock(mutex_);
        cancel_where([](const Job&) { return true; });
    }
    notify();
}

std::vector<JobStatus> JobQueue::status() const {
    const std::scoped_lock lock(mutex_);
    std::vector<JobStatus> out;
    if (running_) out.push_back(running_->snapshot());
    for (const auto& job : queue_) out.push_back(job->snapshot());
    for (const auto& job : ended_) {
        out.push_back(job->snapshot());
        job->listed = true;
    }
    return out;
}

bool JobQueue::idle() const {
    const std::scoped_lock lock(mutex_);
    return !running_ && queue_.empty();
}

void JobQueue::wait_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !running_ && queue_.empty(); });
}

std::size_t JobQueue::drain() {
    std::size_t count = 0;
    for (;;) {
        std::function<void()> delivery;
        {
            const std::scoped_lock lock(mutex_);
            while (!deliveries_.empty() && deliveries_.front().first->cancelled) deliveries_.pop_front();
            if (deliveries_.empty()) return count;
            delivery = std::move(deliveries_.front().second);
            deliveries_.pop_front();
        }
        delivery();
        ++count;
    }
}

JobContext JobQueue::context_of(const std::shared_ptr<Job>& job) {
    JobContext context;
    context.progress = [this, job](const ProgressUpdate& update) {
        {
            const std::scoped_lock lock(mutex_);
            job->status.phase = update.phase;
            job->status.fraction = std::max(job->status.fraction, update.fraction);
            job->status.block = update.block;
            job->status.blocks = update.blocks;
            job->status.tokens = update.tokens;
        }
        if (wake_) wake_();
        return !job->cancelled;
    };
    context.deliver = [this, job](std::function<void()> delivery) {
        {
            const std::scoped_lock lock(mutex_);
            if (job->cancelled) return;
            deliveries_.emplace_back(job, std::move(delivery));
        }
        if (wake_) wake_();
    };
    return context;
}

// Runs the work; what it throws becomes words, since nothing above could catch it.
std::string JobQueue::run(const std::shared_ptr<Job>& job) {
    try {
        JobContext context = context_of(job);
        job->work(context);
        return {};
    } catch (const Error& error) {
        return error.message();
    } catch (const std::bad_alloc&) {
        return "There is not enough memory for this.";
    } catch (const std::exception& error) {
        return std::string("An unexpected error: ") + error.what();
    }
}

void JobQueue::work_loop() {
    for (;;) {
        std::shared_ptr<Job> job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;  // stopping; cancel_all() emptied it
            job = queue_.front();
            queue_.pop_front();
            running_ = job;
            job->status.state = JobState::running;
            job->started = Clock::now();
        }
        if (wake_) wake_();
        std::string error = run(job);
        {
            const std::scoped_lock lock(mutex_);
            running_.reset();
            job->status.error = job->cancelled ? std::string() : std::move(error);
            if (!job->cancelled && job->status.error.empty()) job->status.fraction = 1.0;
            end(job, job->cancelled              ? JobState::cancelled
                     : job->status.error.empty() ? JobState::done
                                                 : JobState::failed);
        }
        job.reset();
        notify();
    }
}

}  // namespace deadscope

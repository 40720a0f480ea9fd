// The queue and its keeper, the thread that starts jobs one after another. A job's state changes only under
// the mutex; its work and its deliveries run outside of it.
#include "core/jobs/jobs.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>

namespace deadscope {

namespace {

constexpr std::size_t kEnded = 64;         // ended jobs that are remembered once they have been listed
constexpr double kTrustedFraction = 0.02;  // below it a rate says nothing about the end
constexpr std::chrono::milliseconds kPatience{80};  // a cancel is to act within 100
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

struct JobQueue::Job {
    JobStatus status;
    JobWork work;
    WhenCancelled rule = WhenCancelled::wait;
    std::atomic<bool> cancelled{false};
    Clock::time_point started, cancelled_at, ended;
    bool returned = false;  // its work has
    bool listed = false;    // status() has told how it ended

    void cancel() {
        if (!cancelled.exchange(true)) cancelled_at = Clock::now();
    }

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

struct JobQueue::Thread {
    std::shared_ptr<Job> job;
    std::thread thread;
};

JobQueue::JobQueue(std::function<void()> wake) : wake_(std::move(wake)), keeper_([this] { work_loop(); }) {}

JobQueue::~JobQueue() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    cancel_all();
    changed_.notify_all();
    keeper_.join();
    for (Thread& left : left_) left.thread.join();
}

void JobQueue::notify() {
    changed_.notify_all();
    if (wake_) wake_();
}

void JobQueue::end(const std::shared_ptr<Job>& job, JobState state) {
    job->status.state = state;
    job->ended = Clock::now();
    ended_.push_front(job);
    while (ended_.size() > kEnded && ended_.back()->listed) ended_.pop_back();
}

void JobQueue::cancel_where(const std::function<bool(const Job&)>& chosen) {
    for (auto job = queue_.begin(); job != queue_.end();) {
        if (!chosen(**job)) {
            ++job;
            continue;
        }
        (*job)->cancel();
        (*job)->work = nullptr;  // what it captured is let go
        end(*job, JobState::cancelled);
        job = queue_.erase(job);
    }
    if (running_ && chosen(*running_)) running_->cancel();
    for (const auto& job : ended_)  // finished, but its deliveries may still wait
        if (chosen(*job)) job->cancel();
}

std::uint64_t JobQueue::submit(std::string tag, std::string title, JobWork work, WhenCancelled rule) {
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock(mutex_);
        cancel_where([&](const Job& job) { return job.status.tag == tag; });
        auto job = std::make_shared<Job>();
        id = job->status.id = next_id_++;
        job->status.tag = std::move(tag);
        job->status.title = std::move(title);
        job->work = std::move(work);
        job->rule = rule;
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

bool JobQueue::has_left() const {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(left_, [](const Thread& left) { return !left.job->returned; });
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
            if (job->cancelled) return false;  // it may have been left, and its status be final
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
    JobWork work = std::move(job->work);  // what it captured is let go where it ran
    try {
        JobContext context = context_of(job);
        work(context);
        return {};
    } catch (const Error& error) {
        return error.message();
    } catch (const std::bad_alloc&) {
        return "There is not enough memory for this.";
    } catch (const std::exception& error) {
        return std::string("An unexpected error: ") + error.what();
    }
}

// Whether its work has returned; false where it is to be left.
bool JobQueue::wait_for(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock) {
    const auto may_be_left = [&] { return job->cancelled && job->rule == WhenCancelled::leave; };
    changed_.wait(lock, [&] { return job->returned || may_be_left(); });
    return changed_.wait_until(lock, job->cancelled_at + kPatience, [&] { return job->returned; });
}

void JobQueue::join_returned(std::unique_lock<std::mutex>& lock) {
    const auto at_work =
        std::ranges::partition(left_, [](const Thread& left) { return !left.job->returned; });
    std::vector<Thread> returned(std::make_move_iterator(at_work.begin()),
                                 std::make_move_iterator(at_work.end()));
    left_.erase(at_work.begin(), at_work.end());
    lock.unlock();
    for (Thread& one : returned) one.thread.join();
    lock.lock();
}

// On a thread of its own, until its work has returned or is left.
void JobQueue::carry_out(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock) {
    const auto body = [this, job] {
        if (wake_) wake_();
        std::string error = run(job);
        {
            const std::scoped_lock guard(mutex_);
            job->returned = true;
            job->status.error = job->cancelled ? std::string() : std::move(error);
        }
        changed_.notify_all();
    };
    Thread at_work{job, {}};
    try {
        at_work.thread = std::thread(body);
    } catch (const std::system_error&) {
        job->status.error = "The system gives no more threads.";
        return;
    }
    if (!wait_for(job, lock)) {
        left_.push_back(std::move(at_work));
        return;
    }
    lock.unlock();
    at_work.thread.join();
    lock.lock();
}

void JobQueue::work_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;  // stopping; cancel_all() emptied it
        join_returned(lock);
        if (queue_.empty()) continue;  // cancelled meanwhile
        const std::shared_ptr<Job> job = queue_.front();
        queue_.pop_front();
        running_ = job;
        job->status.state = JobState::running;
        job->started = Clock::now();
        carry_out(job, lock);
        running_.reset();
        const bool failed = !job->cancelled && !job->status.error.empty();
        if (!job->cancelled && !failed) job->status.fraction = 1.0;
        end(job, job->cancelled ? JobState::cancelled : failed ? JobState::failed : JobState::done);
        lock.unlock();
        notify();
        lock.lock();
    }
}

}  // namespace deadscope

// A queue of jobs, one at work at a time: whatever may take longer than a frame. A job has a tag; a newer one
// with the same tag replaces the queued one and stops the running one. Results come back as values, once a
// frame.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/progress.h"

namespace deadscope {

enum class JobState { queued, running, done, failed, cancelled };

struct JobStatus {
    std::uint64_t id = 0;
    std::string tag;    // what it replaces
    std::string title;  // for people: "Reading zoo:gpt-layernorm"
    JobState state = JobState::queued;
    std::string phase;
    double fraction = 0.0;
    std::size_t block = 0, blocks = 0, tokens = 0;
    double elapsed_s = 0.0;
    std::optional<double> remaining_s;  // from the rate so far
    std::string error;                  // message() where failed
};

// Handed to the work: progress to pass down, and a place to leave results for the window's thread.
struct JobContext {
    Progress progress;                                   // returns false once cancelled
    std::function<void(std::function<void()>)> deliver;  // runs later in JobQueue::drain(), in order
};
using JobWork = std::function<void(JobContext&)>;

// What becomes of a job that is cancelled while it runs and does not ask its progress for a while, as one
// that is inside a factorisation or a call of a device's library.
enum class WhenCancelled {
    wait,   // it is over when its work returns
    leave,  // after 80 ms it counts as cancelled, and its work ends by itself beside the next job's
};

// Thread rule: every member may be called from any thread, except drain(), which belongs to one (the
// window's). Each job's work runs on a thread of its own, wake there and on the caller's, deliveries on the
// thread that drains.
class JobQueue {
public:
    // wake: called whenever there is something new to show, from the worker or from who submits or cancels
    // (may be empty). It must be quick, and must not call the queue.
    explicit JobQueue(std::function<void()> wake = {});
    ~JobQueue();  // cancels all and joins, those that were left as well
    JobQueue(const JobQueue&) = delete;
    JobQueue& operator=(const JobQueue&) = delete;

    std::uint64_t submit(std::string tag, std::string title, JobWork work,
                         WhenCancelled rule = WhenCancelled::wait);
    void cancel(std::uint64_t id);
    void cancel_tag(const std::string& tag);
    void cancel_all();
    // Running and queued first, then the ended, latest first: the last 64, and all that no call has
    // listed yet.
    std::vector<JobStatus> status() const;
    bool idle() const;
    bool has_left() const;  // whether a job that was left is still at work
    void wait_idle();       // for commands and tests
    // Runs the deliveries left since the last call; a cancelled or replaced job's later deliveries are
    // dropped.
    std::size_t drain();

private:
    struct Job;
    struct Thread;
    void work_loop();
    std::string run(const std::shared_ptr<Job>& job);  // the error's message, empty where there was none
    void carry_out(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock);
    bool wait_for(const std::shared_ptr<Job>& job, std::unique_lock<std::mutex>& lock);
    void join_returned(std::unique_lock<std::mutex>& lock);
    JobContext context_of(const std::shared_ptr<Job>& job);
    void cancel_where(const std::function<bool(const Job&)>& chosen);  // mutex_ held
    void end(const std::shared_ptr<Job>& job, JobState state);         // mutex_ held
    void notify();                                                     // mutex_ not held
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Job>> queue_, ended_;
    std::shared_ptr<Job> running_;
    std::vector<Thread> left_;
    std::deque<std::pair<std::shared_ptr<Job>, std::function<void()>>> deliveries_;
    std::function<void()> wake_;
    std::uint64_t next_id_ = 1;
    bool stopping_ = false;
    std::thread keeper_;  // starts jobs and waits for them
};

}  // namespace deadscope

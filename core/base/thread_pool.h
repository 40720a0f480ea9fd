// A fork-join pool: one loop at a time over its threads and the caller's, and beside the loops work that can
// wait. Used where the loop bodies are ours; OpenBLAS is called single-threaded from inside them, so that the
// two never compete for the same cores.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace deadscope {

// A worker that has a background task at hand is not waited for by loops: they run on the others, and it
// joins when it is done. So there are never more threads at work than the pool has.
// Thread rule: one thread at a time calls; idle workers sleep.
class ThreadPool {
public:
    explicit ThreadPool(int threads);  // the caller's included; at least 1
    ~ThreadPool();                     // background tasks not yet begun are dropped
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return static_cast<int>(workers_.size()) + 1; }

    // body(index, worker) for every index of [0, count), in any order, worker in [0, threads()). Returns when
    // all have run. Of the exceptions of bodies that of the lowest index is rethrown here, as a plain loop
    // would have it; the indices not yet begun are left out then.
    using Body = std::function<void(std::size_t index, std::size_t worker)>;
    void parallel_for(std::size_t count, const Body& body);

    // task runs once on a worker that is idle, or here at once where the pool has none. It must not throw,
    // and not call the pool.
    using Task = std::function<void()>;
    void background(Task task);
    // Runs here one task that no worker has begun, or waits until one at work is done. False: there is none.
    bool help();

private:
    void work(std::size_t worker);
    void run_indices(std::size_t worker);

    std::mutex mutex_;
    std::condition_variable begin_, end_;
    std::uint64_t loop_ = 0;   // number of loops begun; with what follows, guarded by mutex_
    bool open_ = false;        // a loop is on, and may be joined
    std::size_t busy_ = 0;     // workers in the current loop
    std::deque<Task> tasks_;   // not yet begun
    std::size_t running_ = 0;  // background tasks at work
    std::uint64_t ended_ = 0;  // background tasks that are done
    bool stop_ = false;
    std::exception_ptr failure_;
    std::size_t failed_at_ = 0;   // its index
    const Body* body_ = nullptr;  // of the current loop; written only while no worker is in one
    std::size_t count_ = 0;
    std::atomic<std::size_t> next_{0};
    std::vector<std::thread> workers_;
};

}  // namespace deadscope

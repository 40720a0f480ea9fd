// See thread_pool.h. Plain mutex and condition variables: a loop costs some tens of microseconds, the loops
// of a forward pass last milliseconds, and the thread sanitizer understands it (it does not understand
// libgomp).
#include "core/base/thread_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace deadscope {

ThreadPool::ThreadPool(int threads) {
    const std::size_t extra = static_cast<std::size_t>(std::max(threads, 1) - 1);
    workers_.reserve(extra);
    try {
        for (std::size_t worker = 1; worker <= extra; ++worker)
            workers_.emplace_back([this, worker] { work(worker); });
    } catch (const std::system_error&) {
        // The system gives no more threads: those that there are do the work.
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    begin_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_indices(std::size_t worker) {
    for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
        try {
            (*body_)(i, worker);
        } catch (...) {
            next_.store(count_);
            const std::lock_guard lock(mutex_);
            if (!failure_ || i < failed_at_) failure_ = std::current_exception();
            failed_at_ = std::min(i, failed_at_);
        }
    }
}

void ThreadPool::work(std::size_t worker) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
        begin_.wait(lock, [&] { return stop_ || (open_ && loop_ != seen) || !tasks_.empty(); });
        if (stop_) return;
        if (open_ && loop_ != seen) {
            seen = loop_;
            ++busy_;
            lock.unlock();
            run_indices(worker);
            lock.lock();
            if (--busy_ == 0) end_.notify_all();
            continue;
        }
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        ++running_;
        lock.unlock();
        task();
        task = nullptr;  // what it holds is let go outside the lock
        lock.lock();
        --running_;
        ++ended_;
        end_.notify_all();
    }
}

void ThreadPool::parallel_for(std::size_t count, const Body& body) {
    if (count == 0) return;
    if (count == 1 || workers_.empty()) {
        for (std::size_t i = 0; i < count; ++i) body(i, 0);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        body_ = &body;
        count_ = count;
        next_.store(0);
        failed_at_ = count;
        open_ = true;
        ++loop_;
    }
    begin_.notify_all();
    run_indices(0);
    std::exception_ptr failure;
    {
        std::unique_lock lock(mutex_);
        open_ = false;
        end_.wait(lock, [&] { return busy_ == 0; });
        std::swap(failure, failure_);
    }
    if (failure) std::rethrow_exception(failure);
}

void ThreadPool::background(Task task) {
    if (workers_.empty()) return task();
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    begin_.notify_one();
}

bool ThreadPool::help() {
    std::unique_lock lock(mutex_);
    if (tasks_.empty()) {
        if (running_ == 0) return false;
        end_.wait(lock, [&, before = ended_] { return ended_ != before; });
        return true;
    }
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    return true;
}

}  // namespace deadscope

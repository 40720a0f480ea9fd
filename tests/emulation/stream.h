// Streams and events. A stream is a system thread that takes what is queued in order, so that what no event
// orders really runs at the same time, and the thread sanitizer sees it; a kernel's blocks are shared with
// helper threads of the same stream (DEADSCOPE_EMULATION_THREADS, 2 in all by default).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/emulation/block.h"
#include "tests/emulation/runtime_api.h"

namespace deadscope_emulation {

// One recording of an event. Thread rule: any thread.
class Recording {
public:
    void complete();
    void wait();
    bool done();
    std::chrono::steady_clock::time_point when() const { return when_; }  // once done

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::uint64_t tag_ = 0;  // orders what came before complete()
    std::chrono::steady_clock::time_point when_;
};

// A stream's threads beside its own, for the blocks of one kernel at a time. They last as long as the
// process.
class Team {
public:
    explicit Team(unsigned threads);
    void run(const Launch& launch);

private:
    void help(unsigned worker);
    void run_blocks(Block& block, unsigned worker);
    void run_block(Block& block, std::uint64_t index, bool first, bool last);

    unsigned threads_;
    std::mutex mutex_;
    std::condition_variable begin_, end_;
    const Launch* launch_ = nullptr;
    std::uint64_t generation_ = 0;
    std::atomic<std::uint64_t> next_{0};
    unsigned busy_ = 0, helpers_ = 0;
    std::unique_ptr<Block> own_;  // made on the stream's thread
};

// What is queued on one stream, and the thread that does it in order. Kept for a later stream when its own is
// destroyed, since threads and fibers are dear to make. Thread rule: any thread puts in and waits.
class Queue {
public:
    static std::unique_ptr<Queue> take();           // one that is idle, or a new one
    static void keep(std::unique_ptr<Queue> idle);  // for the next stream
    Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    // Work that is left out once the device is lost, or work that is always done (events).
    void push(int device, std::function<void()> work, bool always);
    void launch(int device, std::unique_ptr<Launch> launch);
    void synchronise();
    bool idle();

private:
    struct Item {
        std::function<void()> work;
        int device = 0;
        bool always = false;
    };
    void work();

    std::mutex mutex_;
    std::condition_variable queued_, drained_;
    std::deque<Item> items_;
    bool busy_ = false;
    std::uint64_t begun_ = 0, ended_ = 0;  // tags: what was done before the work, and the work
    std::unique_ptr<Team> team_;           // the thread's own
};

}  // namespace deadscope_emulation

// Thread rule: any thread enqueues and waits.
struct CUstream_st {
public:
    CUstream_st(int on, unsigned with, int wanted) : device(on), flags(with), priority(wanted) {}
    ~CUstream_st();  // after all that is queued
    CUstream_st(const CUstream_st&) = delete;
    CUstream_st& operator=(const CUstream_st&) = delete;

    void enqueue(std::function<void()> work) { queue_->push(device, std::move(work), false); }
    void enqueue_always(std::function<void()> work) { queue_->push(device, std::move(work), true); }
    void launch(std::unique_ptr<deadscope_emulation::Launch> launch) {
        queue_->launch(device, std::move(launch));
    }
    void synchronise() { queue_->synchronise(); }
    bool idle() { return queue_->idle(); }
    deadscope_emulation::Queue& queue() { return *queue_; }  // which outlives the stream

    const int device;
    const unsigned flags;
    const int priority;

private:
    std::unique_ptr<deadscope_emulation::Queue> queue_ = deadscope_emulation::Queue::take();
};

struct CUevent_st {
    int device = 0;
    bool timed = true;
    std::mutex mutex;
    std::shared_ptr<deadscope_emulation::Recording> latest;  // of the last cudaEventRecord
};

namespace deadscope_emulation {

// The stream that a call means: nullptr is the device's default stream, which waits for all blocking streams
// and they for it. nullptr where the stream is none of this process.
CUstream_st* resolve(cudaStream_t stream);
// Keeps the default stream's order; called before anything is put into the stream.
void order_with_default(CUstream_st& stream);
void wait_for_device(int device);

}  // namespace deadscope_emulation

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

// A stream's threads beside its own, for the blocks of one kernel at a time.
class Team {
public:
    explicit Team(unsigned threads);
    ~Team();
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
    unsigned busy_ = 0;
    bool stop_ = false;
    std::unique_ptr<Block> own_;  // made on the stream's thread
    std::vector<std::thread> helpers_;
};

}  // namespace deadscope_emulation

// Thread rule: any thread enqueues and waits.
struct CUstream_st {
public:
    CUstream_st(int device, unsigned flags, int priority);
    ~CUstream_st();  // after all that is queued
    CUstream_st(const CUstream_st&) = delete;
    CUstream_st& operator=(const CUstream_st&) = delete;

    // Work that is left out once the device is lost, and work that is always done (events).
    void enqueue(std::function<void()> work) { push({std::move(work), false}); }
    void enqueue_always(std::function<void()> work) { push({std::move(work), true}); }
    void launch(std::unique_ptr<deadscope_emulation::Launch> launch);
    void synchronise();
    bool idle();

    const int device;
    const unsigned flags;
    const int priority;

private:
    struct Item {
        std::function<void()> work;
        bool always = false;
    };
    void push(Item item);
    void work();

    std::mutex mutex_;
    std::condition_variable queued_, drained_;
    std::deque<Item> queue_;
    bool busy_ = false, stop_ = false;
    std::uint64_t begin_tag_ = 0, end_tag_ = 0;
    std::unique_ptr<deadscope_emulation::Team> team_;  // the stream's thread's
    std::thread thread_;
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

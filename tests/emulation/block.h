// Runs the blocks of a kernel: every emulated thread is a fiber of one system thread, which goes on until it
// waits for others. A thread that never waits costs a call: the next one runs on the same fiber.
// Not here: which system thread runs which block (stream.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <vector>

#include "tests/emulation/fiber.h"
#include "tests/emulation/vectors.h"

namespace deadscope_emulation {

// One call of a kernel.
struct Launch {
    std::function<void()> kernel;  // what one thread does
    dim3 grid, block;
    std::size_t shared_bytes = 0;        // dynamic
    std::uint64_t begun = 0, ended = 0;  // tags: what the kernel may see, and what it leaves
};

// A place in a kernel, for reports and to tell one barrier from another.
using Place = std::source_location;

// What the lanes of a warp that a mask names do together.
enum class WarpCall { sync, shuffle, vote, gather };

// Lanes of one warp on their way through one such call.
struct Meeting {
    unsigned mask = 0;  // 0: free
    unsigned arrived = 0, left = 0;
    bool complete = false;
    WarpCall call = WarpCall::sync;
    Place place;
    std::array<std::uint64_t, 32> values{};
    std::array<Fiber*, 32> waiting{};
};

// Thread rule: belongs to one system thread.
class Block {
public:
    Block();
    ~Block();
    // One block of the grid; `first` and `last` of those of this launch that run here.
    void run(const Launch& launch, uint3 index, bool first, bool last);

    // The block that runs on the calling thread; reports a device function that the host called.
    static Block& running(const char* what);

    // Called by the emulated threads.
    void barrier(const Place& place);
    // Gives `value` to the lanes of mask and takes that of lane `from`; a lane that is not there gives bits
    // that are all ones, which is no number.
    std::uint64_t shuffle(unsigned mask, std::uint64_t value, unsigned from, const Place& place);
    unsigned vote(unsigned mask, bool predicate, const Place& place);               // the lanes that say yes
    std::array<std::uint64_t, 32> gather(std::uint64_t value, const Place& place);  // what each lane gives
    void warp_barrier(unsigned mask, const Place& place);
    unsigned lane() const { return current_->thread % 32; }
    void* dynamic_shared() const { return shared_.get(); }
    [[noreturn]] void fail_here(const std::string& what, const Place& place) const;

private:
    struct Warp {
        unsigned live = 0;  // lanes that have not returned
        std::vector<std::unique_ptr<Meeting>> meetings;
    };

    static void fiber_body(Fiber& self);
    void run_thread(unsigned thread);
    void thread_returned(unsigned thread);
    void wait();          // the current fiber until it is made ready
    Fiber& next_fiber();  // who goes on when the current one can't
    Fiber& fresh_fiber();
    void make_ready(Fiber* fiber);
    void open_barrier();
    Meeting& meet(unsigned mask, WarpCall call, std::uint64_t value, const Place& place);
    static void complete_if_all(Block& block, Warp& warp, Meeting& meeting);
    static void leave(Meeting& meeting);
    void prepare_shared(std::size_t bytes);
    [[noreturn]] void report_deadlock() const;

    const Launch* launch_ = nullptr;
    Fiber main_;  // the system thread's own stack
    Fiber* current_ = &main_;
    std::vector<std::unique_ptr<Fiber>> fibers_;  // kept from block to block
    std::size_t fibers_used_ = 0;                 // by this block
    std::vector<Fiber*> ready_;                   // ring of the block's size
    std::size_t ready_first_ = 0, ready_count_ = 0;
    unsigned threads_ = 0, started_ = 0, live_ = 0;
    std::vector<Fiber*> at_barrier_;
    Place barrier_place_;
    std::uint64_t barriers_ = 0;
    std::array<std::uint64_t, 2>
        barrier_tags_{};  // by turns: a slow thread learns nothing of the next barrier
    // Tags: what the block's threads may see, and what they leave. The system thread gives the one and takes
    // the other, so that a late thread learns nothing of an early one.
    std::uint64_t begun_ = 0, ended_ = 0;
    // Blocks have no order, but one that follows on the same system thread may use the shared memory of the
    // one before. Where no barrier makes threads share, nothing orders them, and a race between blocks shows.
    bool shares_ = false, gives_ = false, takes_ = false;
    std::vector<Warp> warps_;
    std::unique_ptr<std::byte[]> shared_;
    std::size_t shared_bytes_ = 0;
};

}  // namespace deadscope_emulation

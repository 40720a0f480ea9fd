// See block.h. Barriers count the threads that have not returned, as sm_70 and later do.
#include "tests/emulation/block.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "tests/emulation/kernel_threads.h"
#include "tests/emulation/report.h"
#include "tests/emulation/sanitizers.h"

namespace deadscope_emulation {

namespace {

thread_local Block* running_block = nullptr;

std::string place_text(const Place& place) {
    return std::string(place.file_name()) + ":" + std::to_string(place.line()) + " (" +
           place.function_name() + ")";
}

}  // namespace

Block::Block() = default;
Block::~Block() = default;

Block& Block::running(const char* what) {
    if (running_block == nullptr) fail(std::string(what) + " was called outside of a kernel");
    return *running_block;
}

void Block::run(const Launch& launch, uint3 index, bool first, bool last) {
    launch_ = &launch;
    shares_ = launch.shared_bytes > 0 || (!first && shares_);
    gives_ = first || shares_;
    takes_ = first || last || shares_;
    threads_ = live_ = launch.block.x * launch.block.y * launch.block.z;
    started_ = 0;
    ready_.resize(std::max<std::size_t>(ready_.size(), threads_));
    ready_first_ = ready_count_ = 0;
    warps_.resize((threads_ + 31) / 32);
    for (std::size_t w = 0; w < warps_.size(); ++w) {
        const unsigned lanes = std::min(threads_ - static_cast<unsigned>(w) * 32, 32u);
        warps_[w].live = lanes == 32 ? ~0u : (1u << lanes) - 1;
    }
    at_barrier_.reserve(threads_);
    fibers_.reserve(threads_);
    while (DEADSCOPE_EMULATION_THREAD &&
           fibers_.size() < threads_) {  // made by none of them: that would be an order
        fibers_.push_back(std::make_unique<Fiber>(&Block::fiber_body));
    }
    prepare_shared(launch.shared_bytes);
    blockIdx = index;
    blockDim = launch.block;
    gridDim = launch.grid;
    Block* const outer = running_block;
    running_block = this;
    fibers_used_ = 0;
    if (gives_) release(&begun_);
    main_.switch_to(fresh_fiber());
    running_block = outer;
    if (live_ > 0) report_deadlock();
    if (takes_ || shares_) acquire(&ended_);
}

// Shared memory begins with arbitrary contents; all ones are no number, so that a sum shows it. Under the
// address sanitizer it is a new allocation of just this size for every block.
void Block::prepare_shared(std::size_t bytes) {
    if (DEADSCOPE_EMULATION_ADDRESS || bytes > shared_bytes_) {
        shared_ = bytes > 0 ? std::unique_ptr<std::byte[]>(new std::byte[bytes]) : nullptr;
        shared_bytes_ = bytes;
    }
    if (bytes > 0) std::memset(shared_.get(), 0xFF, bytes);
}

Fiber& Block::fresh_fiber() {
    if (fibers_used_ == fibers_.size()) fibers_.push_back(std::make_unique<Fiber>(&Block::fiber_body));
    current_ = fibers_[fibers_used_++].get();
    return *current_;
}

void Block::make_ready(Fiber* fiber) {
    std::size_t at = ready_first_ + ready_count_++;
    if (at >= ready_.size()) at -= ready_.size();
    ready_[at] = fiber;
}

void Block::fiber_body(Fiber& self) {
    for (;;) {
        Block& block = *running_block;
        // Under the thread sanitizer each thread needs a fiber of its own: what one fiber does is in order.
        do {
            self.thread = block.started_++;
            block.run_thread(self.thread);
        } while (!DEADSCOPE_EMULATION_THREAD && block.started_ < block.threads_);
        self.switch_to(block.next_fiber());
    }
}

void Block::run_thread(unsigned thread) {
    const dim3 size = launch_->block;
    threadIdx = {thread % size.x, thread / size.x % size.y, thread / size.x / size.y};
    if (gives_) acquire(&begun_);
    launch_->kernel();
    if (takes_ || shares_) release(&ended_);
    thread_returned(thread);
}

void Block::thread_returned(unsigned thread) {
    Warp& warp = warps_[thread / 32];
    warp.live &= ~(1u << thread % 32);
    for (const auto& meeting : warp.meetings) {
        if (meeting->mask != 0 && !meeting->complete) complete_if_all(*this, warp, *meeting);
    }
    --live_;
    if (live_ > 0 && at_barrier_.size() == live_) open_barrier();
}

Fiber& Block::next_fiber() {
    if (ready_count_ == 0) {
        if (started_ < threads_) return fresh_fiber();
        current_ = &main_;
        return main_;
    }
    Fiber& fiber = *ready_[ready_first_];
    if (++ready_first_ == ready_.size()) ready_first_ = 0;
    --ready_count_;
    current_ = &fiber;
    return fiber;
}

void Block::wait() {
    Fiber& self = *current_;
    const uint3 index = threadIdx;
    self.switch_to(next_fiber());
    threadIdx = index;
}

void Block::barrier(const Place& place) {
    if (at_barrier_.empty()) {
        barrier_place_ = place;
    } else if (barrier_place_.line() != place.line() ||
               std::strcmp(barrier_place_.file_name(), place.file_name()) != 0) {
        fail_here(
            "threads of one block are at different barriers, the others at " + place_text(barrier_place_),
            place);
    }
    shares_ = true;
    const void* const tag = &barrier_tags_[barriers_ % 2];
    release(tag);
    at_barrier_.push_back(current_);
    if (at_barrier_.size() == live_) {
        at_barrier_.pop_back();
        open_barrier();
    } else {
        wait();
    }
    acquire(tag);
}

void Block::open_barrier() {
    ++barriers_;
    for (Fiber* fiber : at_barrier_) make_ready(fiber);
    at_barrier_.clear();
}

Meeting& Block::meet(unsigned mask, WarpCall call, std::uint64_t value, const Place& place) {
    const unsigned lane = current_->thread % 32;
    if ((mask >> lane & 1) == 0) fail_here("a lane is not in the mask it gives", place);
    Warp& warp = warps_[current_->thread / 32];
    Meeting* found = nullptr;
    for (const auto& meeting : warp.meetings) {
        // Lanes that wait for this one there can't come here.
        if (meeting->mask != 0 && !meeting->complete && (meeting->arrived & mask) != 0 &&
            (meeting->mask >> lane & 1) != 0) {
            found = meeting.get();
        }
    }
    if (found != nullptr &&
        (found->mask != mask || found->call != call || found->place.line() != place.line())) {
        fail_here("lanes of one warp are at different calls, the others at " + place_text(found->place),
                  place);
    }
    for (const auto& meeting : warp.meetings) {
        if (found == nullptr && meeting->mask == 0) found = meeting.get();
    }
    if (found == nullptr) {
        const Unwatched unwatched;
        found = warp.meetings.emplace_back(std::make_unique<Meeting>()).get();
    }
    if (found->mask == 0) {
        found->mask = mask;
        found->call = call;
        found->place = place;
        found->values.fill(~std::uint64_t{0});
    }
    found->arrived |= 1u << lane;
    found->values[lane] = value;
    if (call == WarpCall::sync) {
        shares_ = true;
        release(found);
    }
    found->waiting[lane] = current_;
    complete_if_all(*this, warp, *found);
    if (!found->complete) wait();
    if (call == WarpCall::sync) acquire(found);
    return *found;
}

// The lane that comes last goes on at once; the others are made ready.
void Block::complete_if_all(Block& block, Warp& warp, Meeting& meeting) {
    if ((meeting.mask & warp.live & ~meeting.arrived) != 0) return;
    meeting.complete = true;
    for (Fiber*& fiber : meeting.waiting) {
        if (fiber != nullptr && fiber != block.current_) block.make_ready(fiber);
        fiber = nullptr;
    }
}

void Block::leave(Meeting& meeting) {
    if (++meeting.left < static_cast<unsigned>(std::popcount(meeting.arrived))) return;
    meeting.mask = meeting.arrived = meeting.left = 0;
    meeting.complete = false;
}

std::uint64_t Block::shuffle(unsigned mask, std::uint64_t value, unsigned from, const Place& place) {
    Meeting& meeting = meet(mask, WarpCall::shuffle, value, place);
    const std::uint64_t result = meeting.values[from];
    leave(meeting);
    return result;
}

unsigned Block::vote(unsigned mask, bool predicate, const Place& place) {
    Meeting& meeting = meet(mask, WarpCall::vote, predicate ? 1 : 0, place);
    unsigned result = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
        if ((meeting.arrived >> lane & 1) != 0 && meeting.values[lane] == 1) result |= 1u << lane;
    }
    leave(meeting);
    return result;
}

std::array<std::uint64_t, 32> Block::gather(std::uint64_t value, const Place& place) {
    Meeting& meeting = meet(~0u, WarpCall::gather, value, place);
    const std::array<std::uint64_t, 32> result = meeting.values;
    leave(meeting);
    return result;
}

void Block::warp_barrier(unsigned mask, const Place& place) {
    leave(meet(mask, WarpCall::sync, 0, place));
}

void Block::fail_here(const std::string& what, const Place& place) const {
    fail("at " + place_text(place) + ", block (" + std::to_string(blockIdx.x) + ", " +
         std::to_string(blockIdx.y) + ", " + std::to_string(blockIdx.z) + "), thread " +
         std::to_string(current_->thread) + ": " + what);
}

void Block::report_deadlock() const {
    std::string what = "no thread of block (" + std::to_string(blockIdx.x) + ", " +
                       std::to_string(blockIdx.y) + ", " + std::to_string(blockIdx.z) + ") can go on; of " +
                       std::to_string(live_) + " live ones:";
    if (!at_barrier_.empty()) {
        what += "\n  " + std::to_string(at_barrier_.size()) + " wait at the barrier " +
                place_text(barrier_place_);
    }
    for (std::size_t w = 0; w < warps_.size(); ++w) {
        for (const auto& meeting : warps_[w].meetings) {
            if (meeting->mask == 0) continue;
            what += "\n  " + std::to_string(std::popcount(meeting->arrived)) + " of warp " +
                    std::to_string(w) + " wait for " +
                    std::to_string(std::popcount(meeting->mask & ~meeting->arrived)) + " more lanes at " +
                    place_text(meeting->place);
        }
    }
    fail(what);
}

}  // namespace deadscope_emulation

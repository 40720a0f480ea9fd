// See stream.h. Locks here are Unwatched: only what CUDA orders is told to the thread sanitizer.
#include "tests/emulation/stream.h"

#include <algorithm>
#include <cstdlib>

#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"

namespace deadscope_emulation {

namespace {

unsigned threads_per_stream() {
#if DEADSCOPE_EMULATION_ADDRESS
    return 1;  // qualifiers.h: shared variables are then the process's
#else
    const char* const set = std::getenv("DEADSCOPE_EMULATION_THREADS");
    return set == nullptr ? 2u : static_cast<unsigned>(std::clamp(std::atoi(set), 1, 64));
#endif
}

std::mutex& one_block_at_a_time() {
    static std::mutex mutex;
    return mutex;
}

}  // namespace

void Recording::complete() {
    release(&tag_);
    const Unwatched unwatched;
    const std::lock_guard lock(mutex_);
    done_ = true;
    when_ = std::chrono::steady_clock::now();
    changed_.notify_all();
}

void Recording::wait() {
    {
        const Unwatched unwatched;
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return done_; });
    }
    acquire(&tag_);
}

bool Recording::done() {
    bool result = false;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(mutex_);
        result = done_;
    }
    if (result) acquire(&tag_);
    return result;
}

Team::Team(unsigned threads) : threads_(threads), own_(std::make_unique<Block>()) {}

void Team::run(const Launch& launch) {
    // Waking helpers costs more than a few small blocks; the thread sanitizer wants neighbours apart.
    const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
    const std::uint64_t threads = blocks * launch.block.x * launch.block.y * launch.block.z;
    const bool alone = threads_ == 1 || blocks == 1 || (!DEADSCOPE_EMULATION_THREAD && threads < 4096);
    next_.store(0, std::memory_order_relaxed);
    if (alone) {
        launch_ = &launch;
        acquire(&launch.begun);
        for (std::uint64_t b = 0; b < blocks; ++b) run_block(*own_, b, b == 0, b + 1 == blocks);
        release(&launch.ended);
        return;
    }
    {
        const Unwatched unwatched;
        while (helpers_ + 1 < threads_) std::thread([this, worker = ++helpers_] { help(worker); }).detach();
        const std::lock_guard lock(mutex_);
        launch_ = &launch;
        busy_ = threads_ - 1;
        ++generation_;
        begin_.notify_all();
    }
    run_blocks(*own_, 0);
    const Unwatched unwatched;
    std::unique_lock lock(mutex_);
    end_.wait(lock, [&] { return busy_ == 0; });
}

void Team::help(unsigned worker) {
    Block block;
    std::uint64_t seen = 0;
    for (;;) {
        {
            const Unwatched unwatched;
            std::unique_lock lock(mutex_);
            begin_.wait(lock, [&] { return generation_ != seen; });
            seen = generation_;
        }
        run_blocks(block, worker);
        const Unwatched unwatched;
        const std::lock_guard lock(mutex_);
        if (--busy_ == 0) end_.notify_one();
    }
}

void Team::run_blocks(Block& block, unsigned worker) {
    acquire(&launch_->begun);
    const dim3 grid = launch_->grid;
    const std::uint64_t count = std::uint64_t{grid.x} * grid.y * grid.z;
#if DEADSCOPE_EMULATION_THREAD
    for (std::uint64_t b = worker; b < count; b += threads_)
        run_block(block, b, b == worker, b + threads_ >= count);
#else
    static_cast<void>(worker);
    for (std::uint64_t b = next_.fetch_add(1, std::memory_order_relaxed); b < count;
         b = next_.fetch_add(1, std::memory_order_relaxed)) {
        run_block(block, b, true, true);  // which matters to the thread sanitizer only
    }
#endif
    release(&launch_->ended);
}

void Team::run_block(Block& block, std::uint64_t index, bool first, bool last) {
    const dim3 grid = launch_->grid;
    std::unique_lock<std::mutex> lock;
    if (DEADSCOPE_EMULATION_ADDRESS) lock = std::unique_lock(one_block_at_a_time());
    block.run(*launch_,
              {static_cast<unsigned>(index % grid.x), static_cast<unsigned>(index / grid.x % grid.y),
               static_cast<unsigned>(index / grid.x / grid.y)},
              first, last);
}

namespace {

struct Idle {
    std::mutex mutex;
    std::vector<std::unique_ptr<Queue>> queues;
};
Idle& idle_queues() {
    static auto* const one = new Idle;  // its threads last as long as the process
    return *one;
}

}  // namespace

std::unique_ptr<Queue> Queue::take() {
    const Unwatched unwatched;
    const std::lock_guard lock(idle_queues().mutex);
    if (idle_queues().queues.empty()) return std::make_unique<Queue>();
    std::unique_ptr<Queue> queue = std::move(idle_queues().queues.back());
    idle_queues().queues.pop_back();
    return queue;
}

void Queue::keep(std::unique_ptr<Queue> idle) {
    const Unwatched unwatched;
    const std::lock_guard lock(idle_queues().mutex);
    idle_queues().queues.push_back(std::move(idle));
}

Queue::Queue() {
    std::thread([this] { work(); }).detach();
}

void Queue::push(int device, std::function<void()> work, bool always) {
    release(&begun_);
    const Unwatched unwatched;
    {
        const std::lock_guard lock(mutex_);
        items_.push_back({std::move(work), device, always});
    }
    queued_.notify_one();
}

void Queue::work() {
    team_ = std::make_unique<Team>(threads_per_stream());
    for (;;) {
        Item item;
        {
            const Unwatched unwatched;
            std::unique_lock lock(mutex_);
            busy_ = false;
            if (items_.empty()) drained_.notify_all();
            queued_.wait(lock, [&] { return !items_.empty(); });
            item = std::move(items_.front());
            items_.pop_front();
            busy_ = true;
        }
        acquire(&begun_);
        const Device& device = machine().devices[static_cast<std::size_t>(item.device)];
        if (item.always || device.lost.load() == cudaSuccess) item.work();
        item.work = nullptr;  // what it holds ends with it
        release(&ended_);
    }
}

void Queue::launch(int device, std::unique_ptr<Launch> launch) {
    auto run = [this, launch = std::shared_ptr<Launch>(std::move(launch))] {
        if (const auto delay = machine().delay_us.load(); delay > 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(delay));
        }
        release(&launch->begun);
        team_->run(*launch);
        acquire(&launch->ended);
        const dim3 grid = launch->grid;
        machine().launches.fetch_add(1, std::memory_order_relaxed);
        machine().blocks.fetch_add(std::uint64_t{grid.x} * grid.y * grid.z, std::memory_order_relaxed);
    };
    push(device, std::move(run), false);  // the caller keeps no part of it
}

void Queue::synchronise() {
    {
        const Unwatched unwatched;
        std::unique_lock lock(mutex_);
        drained_.wait(lock, [&] { return items_.empty() && !busy_; });
    }
    acquire(&ended_);
}

bool Queue::idle() {
    bool result = false;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(mutex_);
        result = items_.empty() && !busy_;
    }
    if (result) acquire(&ended_);
    return result;
}

}  // namespace deadscope_emulation

CUstream_st::~CUstream_st() {
    queue_->synchronise();
    deadscope_emulation::Queue::keep(std::move(queue_));
}

// See kernel_threads.h: hands the calls of a kernel's threads to the block they run in.
#include "tests/emulation/kernel_threads.h"

#include <mutex>

#include "tests/emulation/block.h"
#include "tests/emulation/machine.h"
#include "tests/emulation/sanitizers.h"

namespace deadscope_emulation {

void* dynamic_shared() {
    return Block::running("dynamic_shared()").dynamic_shared();
}
void block_barrier(const Place& place) {
    Block::running("__syncthreads()").barrier(place);
}
void warp_barrier(unsigned mask, const Place& place) {
    Block::running("__syncwarp()").warp_barrier(mask, place);
}
std::uint64_t shuffle(unsigned mask, std::uint64_t value, unsigned from, const Place& place) {
    return Block::running("a shuffle").shuffle(mask, value, from, place);
}
unsigned vote(unsigned mask, bool predicate, const Place& place) {
    return Block::running("a vote").vote(mask, predicate, place);
}
std::array<std::uint64_t, 32> gather(std::uint64_t value, const Place& place) {
    return Block::running("a warp's instruction").gather(value, place);
}
unsigned lane() {
    return Block::running("a shuffle").lane();
}
void require_generation(int major, const Place& place) {
    int ours = 0;
    {
        const Unwatched unwatched;
        const std::lock_guard lock(machine().mutex);
        ours = machine().major;
    }
    if (ours < major)
        Block::running("a warp's instruction").fail_here("the device has no such instruction", place);
}
void trap(const Place& place) {
    Block::running("__trap()").fail_here("__trap()", place);
}

// Fences order through the relaxed operations between them; one tag for all of them is a little too kind.
void fence() {
    static char tag;
    acquire(&tag);
    release(&tag);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace deadscope_emulation

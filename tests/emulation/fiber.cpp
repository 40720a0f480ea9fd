// See fiber.h.
#include "tests/emulation/fiber.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/emulation/report.h"
#include "tests/emulation/sanitizers.h"

namespace deadscope_emulation {

namespace context = boost::context::detail;

namespace {
// Kernels keep small arrays on their stack; instrumented code needs several times what plain code does.
constexpr std::size_t stack_bytes = 256 * 1024;
}  // namespace

Fiber::Fiber() {
#if DEADSCOPE_EMULATION_ADDRESS
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    void* bottom = nullptr;
    pthread_attr_getstack(&attributes, &bottom, &stack_bytes_);
    pthread_attr_destroy(&attributes);
    stack_bottom_ = bottom;
#endif
#if DEADSCOPE_EMULATION_THREAD
    sanitizer_fiber_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(Body body) : body_(body), stack_bytes_(stack_bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapping_ = mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) fail("no memory for the stack of an emulated thread");
    mprotect(mapping_, page, PROT_NONE);
    char* const bottom = static_cast<char*>(mapping_) + page;
    stack_bottom_ = bottom;
    // Tops at the same place in every page would share one set of the cache.
    static thread_local std::size_t made = 0;
    const std::size_t usable = stack_bytes - made++ % 61 * 256;
    context_ = context::make_fcontext(bottom + usable, usable, &Fiber::start);
#if DEADSCOPE_EMULATION_THREAD
    sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
    if (mapping_ == nullptr) return;
#if DEADSCOPE_EMULATION_THREAD
    __tsan_destroy_fiber(sanitizer_fiber_);
#endif
    munmap(mapping_, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + stack_bytes);
}

void Fiber::switch_to(Fiber& other) {
#if DEADSCOPE_EMULATION_ADDRESS
    __sanitizer_start_switch_fiber(&fake_stack_, other.stack_bottom_, other.stack_bytes_);
#endif
#if DEADSCOPE_EMULATION_THREAD
    __tsan_switch_to_fiber(other.sanitizer_fiber_, 1);  // 1: a switch orders nothing
#endif
    Fiber* way[2] = {this, &other};
    arrived(context::jump_fcontext(other.context_, way));
}

// Who came here left its place in from.fctx.
void Fiber::arrived(context::transfer_t from) {
    static_cast<Fiber**>(from.data)[0]->context_ = from.fctx;
#if DEADSCOPE_EMULATION_ADDRESS
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::start(context::transfer_t from) {
    Fiber& self = *static_cast<Fiber**>(from.data)[1];
    self.arrived(from);
    self.body_(self);
    fail("an emulated thread left its last frame");
}

}  // namespace deadscope_emulation

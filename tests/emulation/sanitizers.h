// Which sanitizer this is built with, and what the emulation tells it. The emulation's own sources are not
// instrumented for threads: their bookkeeping is shared by all threads of a block, and every lock in it would
// look like an order that CUDA does not promise. What CUDA does promise is said with release() and acquire().
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define DEADSCOPE_EMULATION_ADDRESS 1
#else
#define DEADSCOPE_EMULATION_ADDRESS 0
#endif
#if !defined(DEADSCOPE_EMULATION_THREAD)  // defined by the build for the sources that are not instrumented
#if defined(__SANITIZE_THREAD__)
#define DEADSCOPE_EMULATION_THREAD 1
#else
#define DEADSCOPE_EMULATION_THREAD 0
#endif
#endif

#if DEADSCOPE_EMULATION_ADDRESS
extern "C" {
void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
void __sanitizer_finish_switch_fiber(void* fake_stack_save, const void** bottom_old, std::size_t* size_old);
void* __asan_region_is_poisoned(void* beg, std::size_t size);
}
#endif
#if DEADSCOPE_EMULATION_THREAD
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* addr);
void __tsan_release(void* addr);
void __tsan_read_range(void* addr, std::size_t size);
void __tsan_write_range(void* addr, std::size_t size);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace deadscope_emulation {

// What came before release(p) on one thread comes before what follows acquire(p) on another.
inline void release([[maybe_unused]] const void* p) {
#if DEADSCOPE_EMULATION_THREAD
    __tsan_release(const_cast<void*>(p));
#endif
}
inline void acquire([[maybe_unused]] const void* p) {
#if DEADSCOPE_EMULATION_THREAD
    __tsan_acquire(const_cast<void*>(p));
#endif
}

// Memory that code without instrumentation (OpenBLAS) is about to read or write.
inline void will_read([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t bytes) {
#if DEADSCOPE_EMULATION_THREAD
    __tsan_read_range(const_cast<void*>(p), bytes);
#endif
}
inline void will_write([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#if DEADSCOPE_EMULATION_THREAD
    __tsan_write_range(p, bytes);
#endif
}

// While one lives, the thread's locks and memory accesses are the emulation's own and mean nothing.
class Unwatched {
public:
    Unwatched() {
#if DEADSCOPE_EMULATION_THREAD
        AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
        AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
    }
    ~Unwatched() {
#if DEADSCOPE_EMULATION_THREAD
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
        AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
#endif
    }
    Unwatched(const Unwatched&) = delete;
    Unwatched& operator=(const Unwatched&) = delete;
};

}  // namespace deadscope_emulation

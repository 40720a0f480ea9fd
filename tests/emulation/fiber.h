// A stack that can be left in the middle and entered again: one emulated thread of a block. Boost.Context
// switches; this adds the stack with its guard page and tells the sanitizers.
#pragma once

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace deadscope_emulation {

// Thread rule: made, entered and destroyed on one system thread.
class Fiber {
public:
    using Body = void (*)(Fiber& self);  // never returns: it switches away

    Fiber();                    // the system thread's own stack
    explicit Fiber(Body body);  // a stack of its own, entered at body
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // From this fiber, which is running, to another; returns when somebody switches back.
    void switch_to(Fiber& other);

    unsigned thread = 0;  // linear index in its block of the emulated thread that it runs

private:
    static void start(boost::context::detail::transfer_t from);
    void arrived(boost::context::detail::transfer_t from);

    boost::context::detail::fcontext_t context_ = nullptr;
    Body body_ = nullptr;
    void* mapping_ = nullptr;  // guard page, then the stack
    const void* stack_bottom_ = nullptr;
    std::size_t stack_bytes_ = 0;
    void* fake_stack_ = nullptr;       // the address sanitizer's
    void* sanitizer_fiber_ = nullptr;  // the thread sanitizer's
};

}  // namespace deadscope_emulation

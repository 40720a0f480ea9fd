// DEADSCOPE_CLONES before a function: compiled for three levels of x86-64, the best one chosen once at start.
// For loops that vectorise; the program itself asks for no more than the baseline.
#pragma once

// The resolvers run before the sanitizers have started, so there are none then.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define DEADSCOPE_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define DEADSCOPE_CLONES
#endif

// A function that must become part of each clone of its caller.
#define DEADSCOPE_INLINE [[gnu::always_inline]] inline

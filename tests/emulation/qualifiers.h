// The words that CUDA adds to C++, as a C++ compiler without CUDA takes them.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

// A block stays on one system thread, so that its static shared variables can be that thread's. The address
// sanitizer surrounds plain static variables only, those of functions without external linkage at that; there
// blocks run one at a time.
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static
#else
#define __shared__ static thread_local
#endif

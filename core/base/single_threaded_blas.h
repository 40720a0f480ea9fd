// OpenBLAS's own threads, held back: where our pool already uses every core, and for factorisations made of
// many small products, whose barriers wait for a core that the window or another program has (a hundredfold
// was seen at d = 128).
#pragma once

#include <mutex>

namespace deadscope {

// While one lives, OpenBLAS calls run on their caller's thread. The number of threads is the process's, so
// the first to begin remembers it and the last to end puts it back. Thread rule: any thread; those of several
// passes may overlap.
class SingleThreadedBlas {
public:
    SingleThreadedBlas();
    ~SingleThreadedBlas();
    SingleThreadedBlas(const SingleThreadedBlas&) = delete;
    SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;

private:
    static inline std::mutex mutex_;
    static inline int living_ = 0, before_ = 0;
};

}  // namespace deadscope

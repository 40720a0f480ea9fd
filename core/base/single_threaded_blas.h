// How many threads OpenBLAS works with. It starts none with the process, since most commands multiply nothing
// large: one thread is the rule, several the exception of a scope. Several are held back where our pool
// already uses every core, and for factorisations made of many small products, whose barriers wait for a core
// that the window or another program has (a hundredfold was seen at d = 128).
#pragma once

namespace deadscope {

// While one lives, OpenBLAS calls run on their caller's thread, also those in a ThreadedBlas. The number of
// threads is the process's. Thread rule: any thread; those of several passes may overlap.
class SingleThreadedBlas {
public:
    SingleThreadedBlas();
    ~SingleThreadedBlas();
    SingleThreadedBlas(const SingleThreadedBlas&) = delete;
    SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;
};

// While one lives, OpenBLAS calls take every core that the process may use, or as many as OpenBLAS's own
// variables or bound_blas_threads() say. Thread rule: any thread.
class ThreadedBlas {
public:
    ThreadedBlas();
    ~ThreadedBlas();
    ThreadedBlas(const ThreadedBlas&) = delete;
    ThreadedBlas& operator=(const ThreadedBlas&) = delete;
};

void bound_blas_threads(int most);  // of every ThreadedBlas from now on
int blas_threads();                 // of calls made now

// OpenBLAS learns from the environment that it is to start no threads; afterwards this takes the variable out
// again, for programs that we start. Thread rule: at the beginning of main().
void restore_blas_environment();

}  // namespace deadscope

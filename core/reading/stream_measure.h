// One stream measured beside the pass: its rows go into a factor, and of that come the extremes, on threads
// that the pass leaves idle. What the numbers mean beside other streams is measuring_tap.h's.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/base/thread_pool.h"
#include "core/spectra/residual.h"
#include "core/spectra/tsqr.h"

namespace deadscope {

// Thread rule: one thread calls; the work is done on the pool's threads, one at a time, or on that thread
// where there is no pool or it helps. The pool outlives it.
class StreamMeasure {
public:
    struct What {
        std::size_t index = 0, d = 0, tokens = 0;
        double roundoff = 0.0;
        bool narrow = false;  // the rows hold no more than floats do
    };
    StreamMeasure(const What& what, ThreadPool* pool);
    ~StreamMeasure();  // what is not done yet is dropped
    StreamMeasure(const StreamMeasure&) = delete;
    StreamMeasure& operator=(const StreamMeasure&) = delete;

    void add(std::span<const double> rows);  // [n, d]
    std::size_t waiting_bytes() const;       // of rows that were added and are not in the factor yet
    TsqrFactor& factor();                    // with all rows added so far; waits

    void finish();  // there are no more rows: the extremes may be found
    bool done() const;
    void wait();  // until done() or stop(); helps the pool

    // Once done. Errors: rows that are not finite.
    struct Result {
        BlockReading block;  // by itself (residual.h)
        std::size_t rows = 0;
        std::vector<double> uncentred, centred;
        double seconds = 0.0;  // of the pool's other threads
    };
    Result take();

private:
    struct Portion {
        std::vector<float> narrow;
        std::vector<double> wide;  // one of them is empty
        std::size_t size() const { return narrow.size() + wide.size(); }
        std::size_t bytes() const { return narrow.size() * sizeof(float) + wide.size() * sizeof(double); }
    };
    struct Shared;
    static void work(Shared& shared);
    void push();
    void schedule();

    What what_;
    ThreadPool* pool_;
    Portion gathered_;                // rows not yet handed over
    std::shared_ptr<Shared> shared_;  // outlives this while a thread is at work
};

}  // namespace deadscope

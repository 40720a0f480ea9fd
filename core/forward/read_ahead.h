// While one block computes, the system is told which parts of the file the next one will read, so that a disk
// and the processor work at the same time. No memory of this process is taken.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "core/model/plan.h"
#include "core/model/weights.h"

namespace deadscope {

// The matrices that a block reads, each tensor (or each matrix of one that holds several) once.
struct WeightPart {
    const WeightRef* weight = nullptr;
    ElementRange range;
};
std::vector<WeightPart> weights_of(const BlockSpec& block);

// Thread rule: one thread calls; its own thread gives the hints, which may wait for the disk.
class ReadAhead {
public:
    ReadAhead(const Plan& plan, const WeightSource& weights);
    ~ReadAhead();
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // From now on, block `index`; past the last one nothing. Returns at once.
    void begin(std::size_t index);

private:
    void work();

    const Plan& plan_;
    const WeightSource& weights_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::size_t next_ =
        0;  // block to read; with stop_ guarded by mutex_. 0: none, since nothing is ahead of it
    bool stop_ = false;
    std::thread thread_;  // last: begins when all the rest is there
};

}  // namespace deadscope

// Where a pass stands: fractions of its parts made into one that never decreases, and the answer whether to
// go on.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/base/progress.h"

namespace deadscope {

// The parts are the embedding, each block, and what follows the last; a block counts as 1.
// Thread rule: one thread.
class Meter {
public:
    Meter(const Progress& progress, std::size_t blocks, std::size_t tokens)
        : progress_(progress), blocks_(blocks), tokens_(tokens) {}

    void begin_embedding() { begin(0, 0.0, embedding); }
    void begin_block(std::size_t i) { begin(i, embedding + static_cast<double>(i), 1.0); }
    void begin_end() { begin(blocks_, embedding + static_cast<double>(blocks_), ending); }

    // `local`: of the part at work, 0..1. False: stop.
    bool step(std::string_view phase, double local) {
        const double total = embedding + static_cast<double>(blocks_) + ending;
        fraction_ = std::clamp((first_ + size_ * local) / total, fraction_, 1.0);
        return proceed(progress_, {phase, block_, blocks_, fraction_, tokens_});
    }

private:
    static constexpr double embedding = 0.3, ending = 0.5;  // of a block's time, roughly

    void begin(std::size_t block, double first, double size) {
        block_ = block;
        first_ = first;
        size_ = size;
    }

    const Progress& progress_;
    std::size_t blocks_, tokens_, block_ = 0;
    double first_ = 0.0, size_ = 0.0, fraction_ = 0.0;
};

}  // namespace deadscope

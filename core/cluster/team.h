// Ranks that go through one task together: an error or a cancellation of one is told to all, so that none
// waits for ever and one message says what was wrong.
#pragma once

#include <functional>

#include "core/base/error.h"
#include "core/cluster/ranks.h"

namespace deadscope {

// Thread rule: one thread at a time.
class Team {
public:
    explicit Team(Ranks& ranks) : ranks_(ranks) {}  // ranks outlive it
    Ranks& ranks() const { return ranks_; }
    bool leads() const { return ranks_.rank() == 0; }

    // Runs this rank's part, which says by false that it was cancelled, and waits for the others. False on
    // every rank where one was cancelled. Errors: on every rank that of the lowest rank that failed.
    bool run(const std::function<bool()>& part);
    // Within a part: every rank came here. False, and errors, as of run(); the part ends then. All ranks meet
    // equally often.
    bool meet();

private:
    enum class State { fine, stopped, failed };
    bool agree(State mine, const Error* error = nullptr);

    Ranks& ranks_;
    bool settled_ = false;    // the end was agreed upon within the part
    int lowest_failed_ = -1;  // of the ranks that failed, once told
};

}  // namespace deadscope

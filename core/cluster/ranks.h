// Processes that work on one job, numbered 0 to size - 1: what they can say to each other. An implementation
// is a module loaded at run time (mpi/, by open_ranks.h); what is agreed upon, and how errors travel, is
// team.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace deadscope {

// Every function but rank(), size(), host() and end_job() is collective: all ranks call it, in the same
// order. Waiting leaves the processor to others. A rank that dies ends the job. Thread rule: one thread at a
// time; the functions that a call takes run during that call.
class Ranks {
public:
    virtual ~Ranks() = default;  // the last one leaves the job in good order
    virtual int rank() const = 0;
    virtual int size() const = 0;
    virtual std::string host() const = 0;  // the machine's name

    // Makes `higher`, numbers of a rank or of several in a row, those of the ranks of `lower` and then its
    // own. Errors of it are thrown by reduce() on the rank where it ran.
    using Merge = std::function<void(std::span<const double> lower, std::span<double> higher)>;
    // The numbers of all ranks, as many on each, merged in the order of ranks, on rank 0; elsewhere they are
    // used up.
    virtual void reduce(std::span<double> numbers, const Merge& merge) = 0;
    virtual std::int64_t minimum(std::int64_t value) = 0;     // over all ranks, on all
    virtual void broadcast(std::string& text, int root) = 0;  // the root's, on all
    // Ranks 0 to count - 1 alone; null on the others.
    virtual std::unique_ptr<Ranks> first(int count) = 0;

    // Each of 0 to count - 1 to one rank, as ranks ask for the next. work must not throw; done is called on
    // rank 0 with what work returned, in the order of ending, one call at a time but from any thread.
    using Work = std::function<std::string(std::size_t index)>;
    using Done = std::function<void(std::size_t index, const std::string& result)>;
    virtual void hand_out(std::size_t count, const Work& work, const Done& done) = 0;

    // The whole job ends now, unfinished. For errors that cannot be told to the others any more.
    virtual void end_job(int status) = 0;
};

}  // namespace deadscope

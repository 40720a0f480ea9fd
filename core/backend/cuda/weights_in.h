// Weights on their way to the device: stored bytes through pinned memory on a stream of their own, decoded
// there, while the compute stream works on what came before.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/backend/cuda/context.h"
#include "core/base/thread_pool.h"

namespace deadscope::cuda {

// Memory of a weight that may still be on its way. Thread rule: as MemoryPool.
class WeightStorage final : public Storage {
public:
    WeightStorage(DeviceMemory memory, cudaStream_t compute)
        : memory_(std::move(memory)), compute_(compute) {}
    // What was never used is given back only behind its arrival.
    ~WeightStorage() override {
        if (coming_ && !memory_.retired()) (void)cudaStreamWaitEvent(compute_, there_.get(), 0);
    }
    WeightStorage(const WeightStorage&) = delete;
    WeightStorage& operator=(const WeightStorage&) = delete;

    std::byte* data() const { return memory_.as<std::byte>(); }
    // All of it is queued on the stream `copy`.
    void sent(cudaStream_t copy) {
        there_.record(copy);
        coming_ = true;
    }
    // What is queued on the compute stream next may use it.
    void join() {
        if (coming_) there_.hold_back(compute_);
        coming_ = false;
    }

private:
    DeviceMemory memory_;
    cudaStream_t compute_;
    Event there_;
    bool coming_ = false;
};

// Thread rule: one thread at a time; it reads with its own pool's threads.
class WeightsIn {
public:
    WeightsIn(Context& context, int threads);

    int threads() const { return readers_.threads(); }
    ThreadPool& readers() { return readers_; }
    Matrix hold(std::shared_ptr<const StoredRows> rows);
    // Errors: those of values that are not finite, in weights that have arrived.
    void check_arrived();

private:
    // A weight whose values were looked at on the device.
    struct Arrival {
        Event there;
        std::size_t slot = 0;  // of flags_
        std::shared_ptr<const StoredRows> rows;
    };
    void send(const std::shared_ptr<const StoredRows>& rows, const View& to);
    void send_stored(const StoredRows& rows, DType dtype, const View& to);
    template <typename T>
    void send_read(const StoredRows& rows, const View& to);
    void expect(std::shared_ptr<const StoredRows> rows);
    void settle(const Arrival& arrival);

    Context& context_;
    ThreadPool readers_;
    Staging staging_;          // on the copy stream
    DeviceMemory not_finite_;  // one int, in the order of the copy stream; made at first use, as is
    std::unique_ptr<PinnedMemory> flags_;  // [kFlags] int, copies of it
    std::size_t next_flag_ = 0;
    std::deque<Arrival> arrivals_;  // oldest first
    std::vector<Event> events_;     // to be used again
};

}  // namespace deadscope::cuda

// Where a pass takes its weights from: the checkpoint, or its random-initialisation twin, drawn anew at
// every read by a counter-based generator (math.md §5), so that neither needs storage.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/checkpoint/checkpoint.h"
#include "core/model/plan.h"

namespace deadscope {

// Thread rule: immutable; read() may be called from any thread.
class WeightSource {
public:
    virtual ~WeightSource() = default;
    // Elements of the tensor in its stored layout. Errors: a value that is not finite (file, tensor and first
    // index named).
    virtual void read(const WeightRef& weight, ElementRange range, std::span<float> out) const = 0;
    virtual void read(const WeightRef& weight, ElementRange range, std::span<double> out) const = 0;
    virtual NormParameters norm(const NormSpec& norm) const = 0;
    // Hints: these elements will be read soon, or have been and will not be again soon.
    virtual void prefetch(const WeightRef&, ElementRange) const {}
    virtual void release(const WeightRef&, ElementRange) const {}
    virtual std::uint64_t bytes_read() const {
        return 0;
    }  // of files, so far; what is read twice counts twice
};

std::unique_ptr<WeightSource> trained_weights(const Checkpoint& checkpoint);  // checkpoint outlives it
// Philox4x32-10 keyed by seed and tensor name, counter = element index: any element alone, the same on any
// backend. Norms are at their initial values (γ = 1, β = 0).
std::unique_ptr<WeightSource> random_twin(const Checkpoint& checkpoint, std::uint64_t seed);

}  // namespace deadscope

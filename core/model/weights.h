// Where a pass takes its weights from: the checkpoint, or its random-initialisation twin, drawn anew at
// every read by a counter-based generator (math.md §5), so that neither needs storage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
    // Many pieces at once: piece i goes to out + i · out_stride.
    virtual void read_rows(const WeightRef& weight, const StridedRange& range, float* out,
                           std::size_t out_stride) const;
    virtual void read_rows(const WeightRef& weight, const StridedRange& range, double* out,
                           std::size_t out_stride) const;
    // What the bytes of stored() are; empty where the values are not stored as they are used.
    virtual std::optional<DType> stored_as(const WeightRef&) const { return std::nullopt; }
    // The bytes of whole rows (along the last axis), not checked; only where stored_as() has a value.
    virtual void stored(const WeightRef&, ElementRange, std::span<std::byte>) const {}
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

// What the parts of one forward pass share, and what all of them do: bring weights onto the backend, multiply
// by them, and show rows to the tap, in steps short enough to be cancelled between.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/backend/backend.h"
#include "core/base/thread_pool.h"
#include "core/forward/forward.h"
#include "core/forward/meter.h"

namespace deadscope {

struct LoadedLinear {
    Matrix weight;  // [out, in], or [in, out] where stored_in_out
    Matrix bias;    // [1, out] or empty
    bool stored_in_out = false;
};

struct LoadedNorm {
    NormKind kind = NormKind::unknown;
    double eps = 0.0;
    Matrix gamma;  // [1, d], or [groups, d] inside heads that have each their own
    Matrix beta;   // like it or empty
    explicit operator bool() const { return !gamma.empty(); }
};

// The part of the work on a block that something takes, as fractions of the block (meter.h).
struct Share {
    double first = 0.0, size = 1.0;
    double at(double fraction) const { return first + fraction * size; }
    Share part(double from, double to) const { return {at(from), (to - from) * size}; }
};

// Whole sequences that run through attention together.
struct Chunk {
    std::size_t first = 0, rows = 0;
    SequenceLayout layout;  // from 0
};

// Every function that returns bool says by false that the person cancelled. `local` arguments say where the
// part at work stands (meter.h). Thread rule: one thread; it reads weights with as many threads as the
// backend has.
class Pass {
public:
    Pass(const Plan& the_plan, const WeightSource& the_weights, Backend& the_backend,
         const ModelInput& the_input, Tap& the_tap, const Progress& progress, const ForwardOptions& options);

    // A rows × cols matrix in what `slot` holds, which grows where it must. The contents are not kept.
    Matrix reserve(Matrix& slot, std::size_t rows, std::size_t cols);

    // to[i, :] = elements [first_of_row(i), + to.cols) of the tensor.
    using FirstOfRow = std::function<std::size_t(std::size_t row)>;
    bool load(const WeightRef& weight, const FirstOfRow& first_of_row, Matrix& to, double local);
    // Rows [0, rows) of a tensor of rows of `cols` elements.
    bool load(const WeightRef& weight, std::size_t rows, std::size_t cols, Matrix& slot, double local);
    // Outputs [first_out, first_out + count) of the linear.
    bool load(const LinearSpec& spec, std::size_t first_out, std::size_t count, LoadedLinear& to,
              double local);
    bool load(const LinearSpec& spec, LoadedLinear& to, double local);
    void load(const NormSpec& spec, LoadedNorm& to);
    void load(const std::optional<NormSpec>& spec, LoadedNorm& to);  // absent: empty
    void load(const HeadNormSpec& spec, LoadedNorm& to);
    // A small tensor's first elements on the host.
    std::vector<double> host(const WeightRef& weight, std::size_t count) const;

    // y = x Wᵀ + b, in row pieces.
    bool linear(const Matrix& x, const LoadedLinear& w, Matrix y, double local);
    void norm(const Matrix& x, const LoadedNorm& w, Matrix y);
    // x normed into `slot`, or x where there is no norm.
    Matrix normed(const Matrix& x, const LoadedNorm& w, Matrix& slot);

    // Rows of one point to the tap in pieces of at most chunk_tokens; make(piece, first_row) gives what is
    // shown for the rows of x in `piece`. Then finished().
    using Make = std::function<Matrix(const Matrix& piece)>;
    bool show(TapPoint point, std::size_t index, const Matrix& x, double local, const Make& make = {});

    // Floating-point operations that one step may hold: some tens of milliseconds of this backend.
    double step_budget() const { return step_budget_; }
    std::size_t chunk_tokens() const { return chunk_tokens_; }
    std::size_t longest_sequence() const { return longest_sequence_; }

    const Plan& plan;
    const WeightSource& weights;
    Backend& backend;
    const ModelInput& input;
    Tap& tap;
    Meter meter;

private:
    template <typename T>
    bool load_as(const WeightRef& weight, const FirstOfRow& first_of_row, Matrix& to, double local);

    std::optional<ThreadPool> own_readers_;  // where the backend has no threads here
    ThreadPool& readers_;
    double step_budget_;
    std::size_t chunk_tokens_, longest_sequence_ = 0;
};

}  // namespace deadscope

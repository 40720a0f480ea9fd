// What is measured on a norm's output while its rows pass: spectrum, alignment, λ_v and its floor (math.md
// §§2, 3). Whether a forward pass or a file brings the rows is left to the callers.
#pragma once

#include <span>

#include "core/cluster/ranks.h"
#include "core/reading/reading.h"
#include "core/spectra/tsqr.h"

namespace deadscope {

// Thread rule: one thread at a time.
class OutputMeasure {
public:
    // run: its precision and tokens are set; norm_kind and prediction are filled now, the rest at complete().
    // It outlives this.
    OutputMeasure(NormKind kind, std::span<const double> gamma, Run& run);

    void add_input(std::span<const double> rows) { floor_.add_input(rows); }  // of the norm [n, d]
    void add_output(std::span<const double> rows) {                           // [n, d]
        floor_.add_output(rows);
        factor_.add(rows);
    }
    void complete(const AlignmentSettings& settings);
    // The rows of all ranks as if they had come here, on rank 0; elsewhere nothing is left to complete.
    void gather(Ranks& ranks);

private:
    Run& run_;
    std::size_t d_;
    TsqrFactor factor_;
    FloorAccumulator floor_;
};

}  // namespace deadscope

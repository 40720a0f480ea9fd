// What is measured on a norm's output while its rows pass: spectrum, alignment, λ_v and its floor (math.md
// §§2, 3). Whether a forward pass or a file brings the rows is left to the callers.
#pragma once

#include <memory>
#include <span>

#include "core/cluster/ranks.h"
#include "core/reading/in_place.h"
#include "core/reading/reading.h"
#include "core/spectra/tsqr.h"

namespace deadscope {

// Thread rule: one thread at a time.
class OutputMeasure {
public:
    // run: its precision and tokens are set; norm_kind and prediction are filled now, the rest at complete().
    // It outlives this, and so does the backend, which factors rows and factors where it can.
    OutputMeasure(NormKind kind, std::span<const double> gamma, Run& run, Backend* backend = nullptr);

    void add_input(std::span<const double> rows) { floor_.add_input(rows); }  // of the norm [n, d]
    void add_output(std::span<const double> rows) {                           // [n, d]
        floor_.add_output(rows);
        if (!factor_there_) factor_.add(rows);
    }
    // The same rows on the backend, each before it comes to add_output().
    void add_output_in_place(const Matrix& rows);
    void complete(const AlignmentSettings& settings);
    // The rows of all ranks as if they had come here, on rank 0; elsewhere nothing is left to complete.
    void gather(Ranks& ranks);

private:
    void bring_factor();

    Run& run_;
    Backend* backend_;
    std::size_t d_;
    TsqrFactor factor_;
    bool asked_ = false;                       // whether the backend factors
    std::unique_ptr<RowFactor> factor_there_;  // in its place where rows stay on the device
    FloorAccumulator floor_;
};

}  // namespace deadscope

// The tap of a reading: each stream's rows into a factor, the final norm's into its own, then one
// BlockReading per stream as soon as its rows have been seen. Which passes are made, and why, is left to
// analyze.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster/team.h"
#include "core/forward/forward.h"
#include "core/reading/analyze.h"
#include "core/reading/in_place.h"
#include "core/reading/output_measure.h"
#include "core/reading/stream_measure.h"

namespace deadscope {

// Thread rule: one thread at a time, the one that runs the forward pass.
class MeasuringTap : public Tap {
public:
    struct Options {
        ResidualSettings residual;
        AlignmentSettings alignment;
        std::size_t independent_rows = 0;      // of the stream entering block 0, at most
        std::uint64_t factor_bytes = 0;        // factors are kept while they fit
        std::function<bool()> go_on;           // false: stop
        std::function<void()> block_measured;  // after each entry of run.blocks
        Team* team = nullptr;  // of ranks that each see rows of their own; only the leader's run is filled
        Backend* backend = nullptr;  // rows are factored there where it can; outlives the tap
        ThreadPool* pool = nullptr;  // streams are measured there beside the pass; outlives the tap
    };
    // run: filled as the pass goes; outlives the tap. plan and weights likewise.
    MeasuringTap(const Plan& plan, const WeightSource& weights, Run& run, Options options);

    bool wants(TapPoint point, std::size_t index) const override;
    void chunk(TapPoint point, std::size_t index, std::size_t first_row, const Backend& backend,
               const Matrix& x) override;
    bool finished(TapPoint point, std::size_t index) override;

    // After the pass: the spectrum of the final norm's output, the alignment, λ_v and its floor. False where
    // another rank stopped.
    bool complete();
    double seconds() const {
        return seconds_;
    }  // spent measuring: the pass stood still, or went on a thread less

private:
    struct NormDirection {
        std::string name;
        std::optional<std::size_t> block;
        bool final = false;
        KernelPrediction prediction;
    };
    // A stream whose rows are on their way or seen, and what is told of it when it is measured.
    struct Stream {
        std::size_t index;
        std::unique_ptr<StreamMeasure> measure;
        std::optional<FloorAccumulator> own_floor;
    };
    Stream begin_stream(std::size_t index) const;
    bool show_in_place(TapPoint point, std::size_t first_row, const Matrix& x);
    bool gather_stream(Stream& stream);
    void make_room();
    void collect(bool all);
    void tell(const Stream& stream, StreamMeasure::Result result);
    void expect_norm_output(std::size_t index);
    void overlap_with_norms(BlockReading& block) const;
    void explain_own_norm(BlockReading& block) const;
    const NormSpec* own_norm(std::size_t index) const;  // the norm that a stream is the output of, or null
    void keep_factors(std::vector<double> uncentred, std::vector<double> centred);

    const Plan& plan_;
    const WeightSource& weights_;
    Run& run_;
    Options options_;
    std::vector<NormDirection> norms_;           // of plan_.norms
    std::optional<Stream> stream_;               // whose rows are coming
    std::unique_ptr<RowFactor> stream_there_;    // its factor where the rows stay on the device
    std::deque<Stream> measuring_;               // those before it that are at work, in order
    OutputMeasure output_;                       // of the final norm
    std::optional<FloorAccumulator> own_floor_;  // of the LayerNorm whose output the coming stream is
    std::vector<double> rows_;                   // [<= kRows, d], read back from the backend
    std::uint64_t kept_bytes_ = 0;
    double seconds_ = 0.0;
    bool stopped_ = false;
};

}  // namespace deadscope

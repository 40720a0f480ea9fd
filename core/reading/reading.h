// What was read off a checkpoint: γ of every norm, and one Run per (initialisation, precision). Plain data;
// the window draws it, core/report writes it. How it is computed is analyze.h's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/precision.h"
#include "core/model/norms.h"
#include "core/spectra/kernel.h"
#include "core/spectra/residual.h"

namespace deadscope {

struct ModelFacts {
    std::string name, source, architecture, family, dtype, norm_position;  // architecture: model_type
    std::int64_t d_model = 0, layers = 0, vocabulary = 0, context = 0;
    std::uint64_t parameters = 0, bytes = 0;
    std::string tower;  // of several models in one checkpoint, the one that was read; else empty
    std::vector<std::string> towers;  // all of them, the default first; empty where it is one model
    bool pixels = false;              // takes pictures
    bool byte_vocabulary = false;
    bool forward_supported = false;  // false: unknown family, only γ can be read
    std::string forward_error;       // why not, in words
};

struct NormStatistics {
    double min = 0, max = 0, mean = 0, l2 = 0;
    std::size_t zeros = 0, negatives = 0;
    bool finite = true;
};
NormStatistics statistics(const std::vector<double>& values);

struct NormReading {
    NormSpec spec;
    NormParameters parameters;
    NormStatistics gamma;
    std::optional<NormStatistics> beta;
};

// What the parameters alone say: on screen as soon as a checkpoint is opened.
struct GammaReading {
    ModelFacts model;
    std::vector<NormReading> norms;
    std::size_t final_norm = 0;  // index into norms
    KernelPrediction prediction;
    std::vector<std::string> warnings;
};

enum class Init { trained, random };
std::string_view init_name(Init init);

struct Run {
    Init init = Init::trained;
    std::string init_source;  // "checkpoint", "step 0 snapshot", "simulated twin"
    Precision precision = Precision::f32;
    std::size_t tokens = 0;
    NormKind norm_kind = NormKind::unknown;
    KernelPrediction prediction;          // of this run's own γ (the twin has its own)
    std::vector<BlockReading> blocks;     // [layers + 1]; grows while the run is at work
    bool complete = false;                // what follows is filled only then
    std::vector<double> singular_values;  // [d] of centred Y/√N, descending
    std::vector<double> bottom;           // [d] u_d, sign such that ⟨v, u_d⟩ >= 0
    Alignment alignment;
    double lambda_v = 0, lambda_min = 0, lambda_max = 0, lambda_mean = 0;
    FloorAccumulator::Floor floor;  // on the scale of λ
    double mean_over_spread = 0;    // of the final norm's input (math.md §3)
    double forward_s = 0, spectra_s = 0;
    std::uint64_t bytes_read = 0;  // of the weights' files; what is read twice counts twice
    // Triangular factors of each stream, kept for spectra on demand where they fit
    // (ReadingSettings::factor_bytes); null otherwise. Shared, since a reading is copied after every block.
    struct Factors {
        std::vector<double> uncentred, centred;
    };  // [d, d] each, or [tokens, d] where there are fewer tokens than channels; row-major
    std::vector<std::shared_ptr<const Factors>> stream_factors;  // [layers + 1]
};

struct InputFacts {
    std::string kind, digest;
    std::size_t tokens = 0, sequences = 0;
};

// The verdict rests on λ_v at the floor; the alignment illustrates it (math.md §2).
enum class Verdict { kernel, no_kernel, undecided };

struct Reading {
    GammaReading gamma;
    InputFacts input;
    std::vector<Run> runs;  // in the order asked for
    struct Pass {
        Precision precision = Precision::f32;
        double forward_s = 0;
        std::uint64_t bytes_read = 0;
    };
    std::optional<Pass> unmeasured;  // in place of runs, where a pass was written and not measured
    std::string backend, device;
    int threads = 0;
    int ranks = 1;  // processes that shared the sequences
    std::uint64_t seed = 0;
    AlignmentSettings alignment;  // thresholds that the counts and flags were made with
    ResidualSettings residual;
    std::vector<std::string> warnings;
    double load_s = 0;
    std::uint64_t peak_rss_bytes = 0;
};

}  // namespace deadscope

// The reading of one checkpoint: γ from the parameters, then one forward pass per (initialisation,
// precision), measured as it streams past. The command line and the window both call these two functions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/cluster/ranks.h"
#include "core/model/weights.h"
#include "core/reading/input.h"
#include "core/reading/reading.h"

namespace deadscope {

struct ReadingSettings {
    InputSettings input;
    std::vector<Precision> precisions{Precision::f32};
    std::vector<Init> inits{Init::trained};
    std::string device = "auto";  // auto, cpu, cuda:K, or several: cuda:0,cuda:1
    bool tf32 = false;            // see BackendOptions
    int threads = 0;              // 0: all cores
    std::uint64_t seed = 0;
    AlignmentSettings alignment;
    ResidualSettings residual;
    std::uint64_t memory_bytes = 0;           // bound on working memory; 0: none asked for
    std::uint64_t factor_bytes = 256u << 20;  // keep triangular factors up to this in all
};

// Reads norms only; touches no other tensor's pages. Never fails on an unknown family.
GammaReading read_gamma(const Checkpoint& checkpoint);

// Called after each block and at the end of each run, from the working thread, with the runs so far.
using PartialReading = std::function<void(const Reading&)>;

// Errors: as make_plan, prepare_input, run_forward. Returns nullopt when progress said stop.
std::optional<Reading> analyze(const std::string& model, const ReadingSettings& settings,
                               const Progress& progress = {}, const PartialReading& partial = {});
// The same by several processes, which all call this: each runs its own sequences, rank 0 measures them all.
// There the reading is whole, elsewhere it holds no runs, and partial is called there alone. Errors, and
// nullopt, come to every rank alike.
std::optional<Reading> analyze(const std::string& model, const ReadingSettings& settings, Ranks& ranks,
                               const Progress& progress = {}, const PartialReading& partial = {});

// Sentences for people (findings.cpp), the same in the window, the terminal and the report.
struct Finding {
    enum class Lamp { kept, dead, undecided, neutral } lamp = Lamp::neutral;
    std::string title{};   // "Alignment"
    std::string value{};   // "1.000000"
    std::string reason{};  // one line, plain words
};
// kernel: λ_v <= kFloorMargin · floor. no_kernel: λ_v > 1e3 · floor (further than any rounding that the floor
// leaves out). undecided: between them, or the floor itself is above 1e-2 of the mean eigenvalue, or there is
// nothing to measure.
std::string_view lamp_name(Finding::Lamp lamp);  // "kept", "dead", "undecided", "neutral"
Verdict verdict(const Run& run);
// The kind of norm that the activations speak for; unknown where undecided, or where γ alone makes the
// kernel.
NormKind norm_from_activations(const Run& run);
std::vector<Finding> findings(const Reading& reading);  // the verdict card, top first
std::string headline(const Reading& reading);           // one sentence: is the theorem true here
std::string residual_headline(const Run& run);          // "12 of 12 blocks keep every direction …"
std::string eigenvalue_headline(const Run& run);
std::string alignment_headline(const Run& run);
std::string gamma_headline(const GammaReading& gamma);

}  // namespace deadscope

// One forward pass per (initialisation, precision), each measured by a MeasuringTap; progress and
// cancellation span them all. What a block or a norm is measured by is in measuring_tap.cpp, what it means in
// findings.cpp.
#include "core/reading/analyze.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cmath>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/single_threaded_blas.h"
#include "core/cluster/team.h"
#include "core/reading/analyze_on_devices.h"
#include "core/reading/gather.h"
#include "core/reading/input_plan.h"
#include "core/reading/measuring_tap.h"
#include "core/reading/room.h"
#include "core/reading/run_weights.h"
#include "core/reading/tower_choice.h"
#include "core/reading/warnings.h"
#include "core/reading/words.h"
#include "core/reading/working_memory.h"

namespace deadscope {

namespace {

double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Progress of several runs as one: run i of n covers [i/n, (i + 1)/n], its pass the first 95 % of that.
// Thread rule: one thread at a time.
class SpanningProgress {
public:
    SpanningProgress(const Progress& outer, std::size_t runs, std::size_t tokens)
        : outer_(outer), runs_(static_cast<double>(runs)) {
        last_.tokens = tokens;
    }

    void begin(std::size_t run, std::size_t blocks) {
        run_ = static_cast<double>(run);
        last_.blocks = blocks;
        last_.block = 0;
        report(0.0);
    }
    bool forward(const ProgressUpdate& update) {
        last_.block = update.block;
        last_.blocks = update.blocks;
        phase_ = update.phase;
        return report(0.95 * update.fraction);
    }
    // Between the rows of a stream, and before the spectrum of the final norm.
    bool spectra() {
        phase_ = "spectra";
        return report(0.0);
    }
    bool finish() { return report(1.0); }

private:
    bool report(double fraction_of_run) {
        last_.phase = phase_;
        last_.fraction = std::max(last_.fraction, std::clamp((run_ + fraction_of_run) / runs_, 0.0, 1.0));
        return proceed(outer_, last_);
    }
    const Progress& outer_;
    double runs_, run_ = 0.0;
    std::string phase_ = "weights";
    ProgressUpdate last_;
};

void warn_about_input(Reading& reading, const Plan& plan, const PreparedInput& prepared) {
    const auto d = static_cast<std::size_t>(plan.d);
    const std::size_t tokens = prepared.input.tokens();
    if (tokens <= d)
        reading.warnings.push_back(too_few_tokens(tokens, d));
    else if (prepared.independent_rows < d)
        reading.warnings.push_back("What enters the first block has at most " +
                                   std::to_string(prepared.independent_rows) +
                                   " independent rows for a width of " + std::to_string(d) +
                                   ", so its σ_min is zero by construction; it is shown, and left "
                                   "out of the block-to-block test.");
}

// What cannot be carried out is refused before anything is computed.
const ReadingSettings& checked(const ReadingSettings& settings) {
    if (settings.precisions.empty() || settings.inits.empty())
        throw Error::usage("at least one precision and one initialisation are needed");
    if (!(settings.residual.tau > 0.0) || !std::isfinite(settings.residual.tau))
        throw Error::usage("τ, the fall that flags a block, must be a positive number");
    if (!(settings.alignment.dead_relative >= 0.0) || settings.alignment.dead_relative >= 1.0)
        throw Error::usage("the relative size of a dead direction must be at least 0 and below 1");
    for (const Precision precision : settings.precisions)
        make_backend(settings.device, precision, {.threads = 1});
    return settings;
}

// Thread rule: one thread at a time.
class Analysis {
public:
    Analysis(const std::string& model, const ReadingSettings& settings, const Progress& progress,
             const PartialReading& partial)
        : model_(model),
          settings_(checked(settings)),
          partial_(partial),
          start_(std::chrono::steady_clock::now()),
          checkpoint_(open_for_input(model, settings.input.kind)),
          plan_(plan_for_input(checkpoint_, settings.input)),
          prepared_(prepare_input(plan_, settings.input, &checkpoint_)),
          progress_(progress, settings.inits.size() * settings.precisions.size(), prepared_.input.tokens()) {
        reading_.gamma = read_gamma(checkpoint_);
        reading_.input = {.kind = prepared_.kind,
                          .digest = prepared_.digest,
                          .tokens = prepared_.input.tokens(),
                          .sequences = prepared_.input.layout.sequences()};
        reading_.seed = settings.seed;
        reading_.alignment = settings.alignment;
        reading_.residual = settings.residual;
        reading_.warnings = reading_.gamma.warnings;
        file_warnings_ = checkpoint_.warnings();
        warn_about_input(reading_, plan_, prepared_);
        reading_.load_s = since(start_);
    }

    const Reading& so_far() const { return reading_; }
    std::size_t sequences() const { return prepared_.input.layout.sequences(); }

    // This rank's sequences only, from now on; team's ranks are at most as many as sequences.
    void share_with(Team& team) {
        team_ = &team;
        reading_.ranks = team.ranks().size();
        prepared_.input = share_of(prepared_.input, static_cast<std::size_t>(team.ranks().rank()),
                                   static_cast<std::size_t>(team.ranks().size()));
    }

    std::optional<Reading> run_all() {
        std::size_t index = 0;
        for (const Init init : settings_.inits)
            for (const Precision precision : settings_.precisions)
                if (!run_one(index++, init, precision)) return std::nullopt;
        return std::move(reading_);
    }

private:
    // Ranks that share a device without room would have to agree what to do: theirs is an error.
    bool run_one(std::size_t index, Init init, Precision precision) {
        if (team_) return try_one(index, init, precision, settings_.device, 1);
        const std::size_t runs = reading_.runs.size(), warnings = reading_.warnings.size();
        Room room;
        const bool finished = with_room(
            settings_.device,
            [&](const std::string& device, std::size_t steps) {
                reading_.runs.resize(runs);
                reading_.warnings.resize(warnings);
                return try_one(index, init, precision, device, steps);
            },
            room);
        if (finished && room.steps > 1) reading_.warnings.push_back(smaller_steps(init, precision));
        if (finished && !room.why_moved.empty())
            reading_.warnings.push_back(moved_to_processor(init, precision, room.why_moved));
        return finished;
    }

    bool try_one(std::size_t index, Init init, Precision precision, const std::string& device,
                 std::size_t steps) {
        const RunWeights weights = run_weights(model_, checkpoint_, init, settings_.seed);
        const ModelInput& input = prepared_.input;
        const std::unique_ptr<Backend> backend =
            make_backend(device, precision, {.threads = settings_.threads, .tf32 = settings_.tf32});
        const BackendInfo info = backend->info();
        reading_.backend = info.name;
        reading_.device = info.device;
        reading_.threads = info.threads;
        bound_blas_threads(info.threads);
        const std::uint64_t kept =
            settings_.factor_bytes / (settings_.inits.size() * settings_.precisions.size());
        const WorkingMemory memory =
            plan_memory(plan_, input, precision, settings_.memory_bytes, kept, tokens_);

        Run& run = reading_.runs.emplace_back();
        run.init = init;
        run.init_source = weights.init_source;
        run.precision = precision;
        run.tokens = tokens_;
        progress_.begin(index, plan_.blocks.size());
        const auto start = std::chrono::steady_clock::now();
        MeasuringTap tap(plan_, *weights.source, run,
                         {.residual = settings_.residual,
                          .alignment = settings_.alignment,
                          .independent_rows = prepared_.independent_rows,
                          .factor_bytes = memory.factor_bytes,
                          .go_on = [&] { return progress_.spectra(); },
                          .block_measured = [&] { publish(); },
                          .team = team_,
                          .backend = backend.get(),
                          // One stream after another is what plan_memory counts.
                          .pool = settings_.memory_bytes > 0 ? nullptr : backend->pool()});
        const Outcome outcome =
            run_forward(plan_, *weights.source, *backend, input, tap,
                        [&](const ProgressUpdate& update) { return progress_.forward(update); },
                        {.chunk_tokens = memory.chunk_tokens / steps});
        if (outcome == Outcome::cancelled || !progress_.spectra()) return false;
        const double forward = since(start) - tap.seconds();
        if (!tap.complete()) return false;
        run.forward_s = forward;
        run.spectra_s = tap.seconds();
        run.bytes_read = weights.source->bytes_read();
        reading_.peak_rss_bytes = peak_resident_bytes();
        if (team_) gather_costs(team_->ranks(), run, reading_.peak_rss_bytes);
        if (team_ && !team_->leads()) return progress_.finish();
        warn_about_run(reading_, run);
        warn_about_files();
        publish();
        return progress_.finish();
    }

    // A pass reads more of the files than γ did, and their warnings speak of all that was read.
    void warn_about_files() {
        for (const std::string& old : file_warnings_) std::erase(reading_.warnings, old);
        file_warnings_ = checkpoint_.warnings();
        reading_.warnings.insert(reading_.warnings.end(), file_warnings_.begin(), file_warnings_.end());
    }

    void publish() const {
        if (partial_) partial_(reading_);
    }

    const std::string& model_;
    const ReadingSettings& settings_;
    const PartialReading& partial_;
    std::chrono::steady_clock::time_point start_;
    Checkpoint checkpoint_;
    Plan plan_;
    PreparedInput prepared_;
    std::size_t tokens_ = prepared_.input.tokens();  // of all ranks
    SpanningProgress progress_;
    Reading reading_;
    Team* team_ = nullptr;
    std::vector<std::string> file_warnings_;  // as they stand in reading_.warnings
};

}  // namespace

std::optional<Reading> analyze(const std::string& model, const ReadingSettings& settings,
                               const Progress& progress, const PartialReading& partial) {
    const std::vector<std::string> devices = devices_of(settings.device);
    if (devices.size() > 1) return analyze_on_devices(devices, model, settings, progress, partial);
    return Analysis(model, settings, progress, partial).run_all();
}

std::optional<Reading> analyze(const std::string& model, const ReadingSettings& settings, Ranks& ranks,
                               const Progress& progress, const PartialReading& partial) {
    Team all(ranks);
    std::optional<Reading> reading;
    const bool finished = all.run([&] {
        Analysis analysis(model, settings, progress, partial);
        if (!all.meet()) return false;
        expect_same_reading(ranks, analysis.so_far());
        const auto sequences = static_cast<int>(std::min<std::size_t>(analysis.sequences(), INT_MAX));
        reading = analysis.so_far();
        const std::unique_ptr<Ranks> working = ranks.first(std::min(ranks.size(), sequences));
        if (!working) return true;  // fewer sequences than ranks: this one has nothing to run
        Team team(*working);
        return team.run([&] {
            analysis.share_with(team);
            reading = analysis.run_all();
            if (reading && !team.leads()) reading->runs.clear();
            return reading.has_value();
        });
    });
    return finished ? std::move(reading) : std::nullopt;
}

}  // namespace deadscope

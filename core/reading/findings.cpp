// What was read, in sentences for somebody who meets it for the first time: the verdict and its card. The
// numbers are in the Run; nothing is computed here but their ratios.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/reading/analyze.h"
#include "core/reading/words.h"

namespace deadscope {

namespace {

using Lamp = Finding::Lamp;

// Further from the floor than any rounding that the floor leaves out, so real (math.md §3).
constexpr double kReal = 1e3;
// A floor this high beside the mean eigenvalue hides kernels and alive directions alike.
constexpr double kUseless = 1e-2;

std::string precision_of(const Run& run) {
    return std::string(precision_name(run.precision));
}

double relative(double value, double to) {
    return to > 0.0 ? value / to : 0.0;
}

const Run* find(const Reading& reading, Init init, std::optional<Precision> precision = {}) {
    for (const Run& run : reading.runs)
        if (run.complete && run.init == init && (!precision || run.precision == *precision)) return &run;
    return nullptr;
}

const Run* first_complete(const Reading& reading) {
    const auto found = std::ranges::find_if(reading.runs, [](const Run& run) { return run.complete; });
    return found == reading.runs.end() ? nullptr : &*found;
}

std::string at_floor_words(const Run& run) {
    return run.lambda_v == 0.0 ? "exactly zero"
                               : number_text(relative(run.lambda_v, run.lambda_max)) +
                                     " of λ_max, which is what rounding in " + precision_of(run) + " leaves";
}

Finding norm_finding(const Reading& reading, const Run& run) {
    Finding out{.title = "Norm"};
    const NormKind declared = run.norm_kind, measured = norm_from_activations(run);
    out.value = std::string(norm_kind_name(declared));
    if (measured == NormKind::unknown) {
        out.lamp = Lamp::undecided;
        out.reason = std::string(declared == NormKind::unknown ? "not declared" : "declared") +
                     (run.prediction.dead_by_gamma() > 0
                          ? "; the activations cannot tell, since γ alone makes dead directions here"
                          : "; the activations do not decide");
    } else if (declared == NormKind::unknown || measured == declared) {
        out.lamp = Lamp::kept;
        out.value = std::string(norm_kind_name(measured));
        out.reason = declared == measured ? "declared, and the activations agree" : "by the activations";
    } else {
        out.lamp = Lamp::dead;
        out.reason = "declared, but the activations behave like " + std::string(norm_kind_name(measured)) +
                     " in " + reading.gamma.model.name;
    }
    return out;
}

std::string threshold_text(double value) {  // a number that a person typed: "1e-06", as short as it was
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

// No kernel is what an RMSNorm promises, and what a LayerNorm forbids.
Lamp against(const Run& run) {
    return run.norm_kind == NormKind::rms_norm ? Lamp::neutral : Lamp::dead;
}

Finding lambda_finding(const Run& run) {
    Finding out{.title = "λ_v"};
    const double floor = run.floor.total();
    out.value = number_text(run.lambda_v);
    const std::string beside = number_text(relative(run.lambda_v, run.lambda_max)) + " of λ_max, " +
                               number_text(relative(run.lambda_v, run.lambda_mean)) +
                               " of the mean eigenvalue; floor " + number_text(floor) + " in " +
                               precision_of(run);
    switch (verdict(run)) {
        case Verdict::kernel:
            out.lamp = Lamp::kept;
            out.reason = "at the noise floor: nothing but rounding varies along v (" + beside + ")";
            break;
        case Verdict::no_kernel:
            out.lamp = against(run);
            out.reason = "alive: the output varies along v, far above rounding (" + beside + ")";
            break;
        case Verdict::undecided:
            out.lamp = Lamp::undecided;
            out.reason =
                "too near the floor, or too few tokens, to decide in this precision (" + beside + ")";
            break;
    }
    if (run.mean_over_spread > 1.0 && run.floor.mean_rounding > 10.0 * run.floor.output_rounding)
        out.reason += "; most of the floor is the rounding of the mean, " +
                      number_text(run.mean_over_spread) + " standard deviations large";
    return out;
}

Finding alignment_finding(const Run& run) {
    Finding out{.title = "Alignment"};
    const Alignment& alignment = run.alignment;
    out.reason = alignment_headline(run);
    if (!alignment.value) {
        out.value = "—";
        out.lamp = Lamp::undecided;
    } else if (!alignment.well_determined && alignment.subspace) {
        out.value = alignment_text(*alignment.subspace);
        out.title = "Alignment (subspace)";
        out.lamp = *alignment.subspace > 0.9999 ? Lamp::kept : Lamp::undecided;
    } else {
        out.value = alignment_text(*alignment.value);
        out.lamp = verdict(run) == Verdict::kernel && *alignment.value > 0.9999 ? Lamp::kept : Lamp::neutral;
    }
    return out;
}

Finding dead_finding(const Run& run, const AlignmentSettings& settings) {
    Finding out{.title = "Dead directions", .value = std::to_string(run.alignment.dead_directions)};
    if (run.tokens <= run.singular_values.size()) {
        out.lamp = Lamp::undecided;
        out.reason = "with " + std::to_string(run.tokens) + " tokens most of these are for want of tokens";
        return out;
    }
    const std::size_t dead = run.alignment.dead_directions, by_gamma = run.prediction.dead_by_gamma();
    const std::size_t predicted = std::max(by_gamma, run.prediction.dimension);
    out.lamp = dead == 0 ? Lamp::neutral : dead > predicted ? Lamp::dead : Lamp::kept;
    if (by_gamma > 0)
        out.reason =
            "γ is zero, or next to it, in " + counted(by_gamma, "channel") + ": those outputs are constant";
    else if (dead == 0)
        out.reason = "every direction of the final norm's output is alive";
    else if (dead <= predicted)
        out.reason = "the one that the norm's algebra predicts, and no other";
    else
        out.reason =
            predicted == 0
                ? "predicted by no norm: " + std::string(dead == 1 ? "it" : "they") + " died otherwise"
                : std::to_string(dead - predicted) + " beyond what the norm's algebra predicts";
    out.reason += " (dead: σ at most " + threshold_text(settings.dead_relative) + " of σ_max, or rounding)";
    return out;
}

std::size_t flagged(const Run& run) {
    return static_cast<std::size_t>(std::ranges::count_if(run.blocks, &BlockReading::flag));
}

std::size_t judged(const Run& run) {
    return static_cast<std::size_t>(
        std::ranges::count_if(run.blocks, [](const BlockReading& block) { return block.ratio.has_value(); }));
}

Finding blocks_finding(const Run& run) {
    Finding out{.title = "Blocks", .reason = residual_headline(run)};
    const std::size_t layers = run.blocks.size() - 1;
    out.value = std::to_string(judged(run) - flagged(run)) + "/" + std::to_string(layers);
    out.lamp = flagged(run) > 0 ? Lamp::dead : judged(run) == 0 ? Lamp::undecided : Lamp::kept;
    return out;
}

double next_eigenvalue(const Run& run) {
    const std::size_t d = run.singular_values.size();
    return d < 2 ? 0.0 : run.singular_values[d - 2] * run.singular_values[d - 2];
}

// Deepening with its floor (math.md §5): where both ends are rounding, their ratio is a ratio of roundings.
Finding training_finding(const Run& trained, const Run& initial) {
    Finding out{.title = "Initialisation → trained"};
    const auto pair = [&](double a, double b) { return number_text(a) + " → " + number_text(b); };
    out.value = pair(relative(initial.lambda_v, initial.lambda_mean),
                     relative(trained.lambda_v, trained.lambda_mean));
    const bool both = verdict(initial) == Verdict::kernel && verdict(trained) == Verdict::kernel;
    out.lamp = Lamp::neutral;
    out.reason = "λ_v beside the mean eigenvalue in " + precision_of(trained) + " (" + initial.init_source +
                 " first); ";
    if (both && trained.prediction.dead_by_gamma() > initial.prediction.dead_by_gamma())
        out.reason += "at the end γ itself is zero, or next to it, in " +
                      counted(trained.prediction.dead_by_gamma(), "channel") +
                      ", which is what training did; the first value is rounding, at a floor of " +
                      number_text(relative(initial.floor.total(), initial.lambda_mean));
    else if (both)
        out.reason += "both are rounding, at floors of " +
                      pair(relative(initial.floor.total(), initial.lambda_mean),
                           relative(trained.floor.total(), trained.lambda_mean)) +
                      ": in exact arithmetic both are zero, so this is no deepening";
    else if (verdict(initial) == Verdict::no_kernel && verdict(trained) == Verdict::no_kernel)
        out.reason += "both are real eigenvalues, far above rounding";
    else
        out.reason += "the two ends are not of one kind, see their own floors";
    out.reason +=
        "; beside λ_max " +
        pair(relative(initial.lambda_v, initial.lambda_max), relative(trained.lambda_v, trained.lambda_max)) +
        "; next eigenvalue over λ_max " +
        pair(relative(next_eigenvalue(initial), initial.lambda_max),
             relative(next_eigenvalue(trained), trained.lambda_max)) +
        "; dead directions " + std::to_string(initial.alignment.dead_directions) + " → " +
        std::to_string(trained.alignment.dead_directions);
    return out;
}

// λ_v over λ_max at each precision: what falls with u² is algebraic (math.md §3).
std::optional<Finding> ladder_finding(const Reading& reading, const Run& first) {
    Finding out{.title = "Precision ladder"};
    const Run* finest = &first;
    const Run* coarsest = &first;
    for (const Run& run : reading.runs) {
        if (!run.complete || run.init != first.init) continue;
        if (unit_roundoff(run.precision) < unit_roundoff(finest->precision)) finest = &run;
        if (unit_roundoff(run.precision) > unit_roundoff(coarsest->precision)) coarsest = &run;
    }
    if (finest == coarsest) return std::nullopt;
    const double fine = relative(finest->lambda_v, finest->lambda_max),
                 coarse = relative(coarsest->lambda_v, coarsest->lambda_max);
    out.value = number_text(coarse) + " → " + number_text(fine);
    const std::string between = precision_of(*coarsest) + " → " + precision_of(*finest);
    if (fine == 0.0 && coarse == 0.0) {
        out.lamp = Lamp::kept;
        out.reason = between + ": zero in both";
    } else if (fine < 1e-3 * coarse) {
        out.lamp = Lamp::kept;
        out.reason =
            between + ": λ_v/λ_max falls with the round-off, so it is rounding: the kernel is algebraic";
    } else {
        out.lamp = verdict(*finest) == Verdict::no_kernel ? against(*finest) : Lamp::undecided;
        out.reason = between + ": λ_v/λ_max stays, so it is a real eigenvalue and no kernel";
    }
    return out;
}

}  // namespace

std::string_view lamp_name(Finding::Lamp lamp) {
    switch (lamp) {
        case Lamp::kept:
            return "kept";
        case Lamp::dead:
            return "dead";
        case Lamp::undecided:
            return "undecided";
        case Lamp::neutral:
            break;
    }
    return "neutral";
}

Verdict verdict(const Run& run) {
    if (!run.complete || run.tokens < 2 || !(run.lambda_max > 0.0)) return Verdict::undecided;
    const double floor = run.floor.total();
    if (run.lambda_v > kReal * floor) return Verdict::no_kernel;
    if (run.lambda_v > kFloorMargin * floor || floor > kUseless * run.lambda_mean) return Verdict::undecided;
    return Verdict::kernel;
}

NormKind norm_from_activations(const Run& run) {
    if (run.prediction.dead_by_gamma() > 0) return NormKind::unknown;
    switch (verdict(run)) {
        case Verdict::kernel:
            return NormKind::layer_norm;
        case Verdict::no_kernel:
            return NormKind::rms_norm;
        case Verdict::undecided:
            break;
    }
    return NormKind::unknown;
}

std::vector<Finding> findings(const Reading& reading) {
    std::vector<Finding> out;
    const Run* run = first_complete(reading);
    if (!run) return out;
    out.push_back(norm_finding(reading, *run));
    out.push_back(lambda_finding(*run));
    out.push_back(alignment_finding(*run));
    out.push_back(dead_finding(*run, reading.alignment));
    if (!run->blocks.empty()) out.push_back(blocks_finding(*run));  // activations of a file have none
    const Run* initial = find(reading, Init::random, run->precision);
    const Run* trained = find(reading, Init::trained, run->precision);
    if (initial && trained) out.push_back(training_finding(*trained, *initial));
    if (auto ladder = ladder_finding(reading, *run)) out.push_back(std::move(*ladder));
    return out;
}

std::string headline(const Reading& reading) {
    const Run* run = first_complete(reading);
    if (!run) return gamma_headline(reading.gamma);
    const std::size_t silent = run->prediction.dead_by_gamma();
    if (verdict(*run) == Verdict::kernel && silent > 0)
        return "γ of the last norm is zero, or next to it, in " + counted(silent, "channel") + ", so " +
               counted(silent, "direction") + " of its output " + (silent == 1 ? "is" : "are") +
               " dead by γ alone" +
               (silent > 1
                    ? "; which single one of them is last is arbitrary, their subspace is what is predicted."
                    : ".");
    switch (verdict(*run)) {
        case Verdict::kernel:
            return "The kernel is there: along v ∝ γ⁻¹ the output does not vary, λ_v is " +
                   at_floor_words(*run) + "." +
                   (run->norm_kind == NormKind::rms_norm ? " An RMSNorm does not force this." : "");
        case Verdict::no_kernel:
            return "No kernel: along v ∝ γ⁻¹ the output varies, λ_v is " +
                   number_text(relative(run->lambda_v, run->lambda_max)) + " of λ_max, far above rounding." +
                   (run->norm_kind == NormKind::layer_norm
                        ? " A LayerNorm would have one: this one is not what it is declared to be."
                    : run->norm_kind == NormKind::rms_norm
                        ? " An RMSNorm subtracts no mean, so nothing forces one."
                        : "");
        case Verdict::undecided:
            break;
    }
    if (run->tokens < 2) return "One token has no covariance: give more to see whether there is a kernel.";
    return "Undecided: λ_v is " + number_text(relative(run->lambda_v, run->lambda_max)) +
           " of λ_max, with a floor of " + number_text(relative(run->floor.total(), run->lambda_max)) +
           " in " + precision_of(*run) + "; a finer precision can tell.";
}

std::string residual_headline(const Run& run) {
    if (run.blocks.empty())
        return run.complete ? "No blocks: these are the activations of one place."
                            : "No block has been measured yet.";
    const std::size_t layers = run.blocks.size() - 1, fallen = flagged(run), known = judged(run);
    const std::size_t d = run.blocks.front().bottom.size();
    if (run.tokens <= d)
        return "Too few tokens: " + std::to_string(run.tokens) + " of the " + std::to_string(d + 1) +
               " that a block-to-block test needs.";
    if (known == 0)
        return !run.complete
                   ? "No block can be judged against the one before it yet."
                   : "No block can be judged: " +
                         run.blocks.back().reason.substr(0, run.blocks.back().reason.find(';')) + ".";
    std::string out = std::to_string(known - fallen) + " of " + counted(layers, "block") +
                      (known - fallen == 1 ? " keeps every direction" : " keep every direction");
    if (known < layers) out += ", " + std::to_string(layers - known) + " cannot be judged";
    if (fallen > 0) {
        const auto block = std::ranges::find_if(run.blocks, &BlockReading::flag);
        return out + "; block " + std::to_string(block->index) + ": " +
               block->reason.substr(0, block->reason.find(';')) + ".";
    }
    const auto least = std::ranges::min_element(run.blocks, {}, [](const BlockReading& block) {
        return block.ratio.value_or(std::numeric_limits<double>::infinity());
    });
    return out + "; the smallest ratio of σ_min is " + number_text(*least->ratio) + ", at block " +
           std::to_string(least->index) + ".";
}

std::string eigenvalue_headline(const Run& run) {
    if (!run.complete) return "The spectrum is drawn when the pass has reached the final norm.";
    const std::string share = number_text(relative(run.lambda_v, run.lambda_max)) + " of λ_max";
    switch (verdict(run)) {
        case Verdict::kernel:
            return run.lambda_v == 0.0 ? "λ_v is exactly zero: nothing varies along the predicted direction."
                                       : "λ_v sits at the " + precision_of(run) + " floor, " + share +
                                             ": the kernel is there.";
        case Verdict::no_kernel:
            return "λ_v is " + share + ", far above the " + precision_of(run) + " floor (" +
                   number_text(relative(run.floor.total(), run.lambda_max)) + "): no kernel along v.";
        case Verdict::undecided:
            break;
    }
    return "λ_v is " + share + ", and the " + precision_of(run) + " floor is " +
           number_text(relative(run.floor.total(), run.lambda_max)) + ": undecided.";
}

std::string alignment_headline(const Run& run) {
    if (!run.complete) return "The alignment is known when the pass has reached the final norm.";
    const Alignment& alignment = run.alignment;
    const std::size_t d = run.singular_values.size();
    if (!alignment.value)
        return "Too few tokens: " + std::to_string(run.tokens) + " of the " + std::to_string(d + 1) +
               " that an alignment needs.";
    const std::string value = alignment_text(*alignment.value);
    if (!alignment.well_determined && alignment.subspace)
        return "Several directions are dead, so the single vector u_d is arbitrary among them (" + value +
               " means nothing); v lies in their subspace to " + alignment_text(*alignment.subspace) + ".";
    if (!alignment.well_determined)
        return "The bottom direction is not unique, so |⟨v, u_d⟩| = " + value + " is arbitrary.";
    const std::string beside = " (random " + number_text(alignment.random_baseline) + ", uniform " +
                               number_text(alignment.uniform_baseline) + ")";
    if (verdict(run) == Verdict::kernel && *alignment.value > 0.9999)
        return "The measured direction is the predicted one: |⟨v, u_d⟩| = " + value + beside + ".";
    return "|⟨v, u_d⟩| = " + value + beside + ": " +
           (verdict(run) == Verdict::no_kernel
                ? "with λ_v far above rounding this is no kernel, whatever the angle."
                : "the verdict rests on λ_v.");
}

}  // namespace deadscope

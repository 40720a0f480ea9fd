// See warnings.h.
#include "core/reading/warnings.h"

#include <algorithm>

#include "core/reading/words.h"

namespace deadscope {
namespace {

std::string which_run(Init init, Precision precision) {
    return std::string(init_name(init)) + ", " + std::string(precision_name(precision));
}

}  // namespace

std::string too_few_tokens(std::size_t tokens, std::size_t d) {
    return "Too few tokens for an alignment: " + std::to_string(tokens) + " for a width of " +
           std::to_string(d) + ". It takes at least " + std::to_string(d + 1) + ", better " +
           std::to_string(2 * d) + "; λ_v needs no more than there are.";
}

std::string smaller_steps(Init init, Precision precision) {
    return "The GPU had too little memory for the usual steps, so the run (" + which_run(init, precision) +
           ") was made in smaller ones; its numbers are the same.";
}

std::string moved_to_one_device() {
    return "The GPUs had too little memory to share the sequences, so the reading was made on the first of "
           "them alone.";
}

std::string moved_to_processor(Init init, Precision precision, const std::string& why) {
    return "The run (" + which_run(init, precision) + ") was made on the processor: " + why + ".";
}

void warn_about_run(Reading& reading, const Run& run) {
    const std::string which = which_run(run.init, run.precision);
    if (run.alignment.value && !run.alignment.well_determined)
        reading.warnings.push_back(
            "The bottom direction is not unique (" + which +
            "): " + counted(std::max<std::size_t>(run.alignment.dead_directions, 2), "direction") +
            " are dead or as good as equal, so the single-vector alignment is arbitrary; read the subspace "
            "alignment.");
    if (run.mean_over_spread > 3.0 && run.floor.mean_rounding > 10.0 * run.floor.output_rounding)
        reading.warnings.push_back(
            "The final norm's input has a mean of " + number_text(run.mean_over_spread) +
            " standard deviations (" + which +
            "), whose rounding lifts the floor of λ_v: a change of λ_v down there is that, and "
            "nothing that was learned.");
}

}  // namespace deadscope

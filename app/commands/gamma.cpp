// `deadscope gamma MODEL`: every norm's γ from the parameters alone.
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/output_guard.h"
#include "core/report/report.h"

namespace deadscope {

int gamma_command(const std::string& model, const OutputOptions& output) {
    const Checkpoint checkpoint = open_checkpoint(model);
    if (output.json != "-") refuse_output_over_checkpoint(output.json, checkpoint);
    const GammaReading gamma = read_gamma(checkpoint);
    if (!output.json.empty()) print_json(gamma_json(gamma), output.json);
    if (output.json != "-" && !output.quiet) print(gamma_summary(gamma));
    return 0;
}

}  // namespace deadscope

// `deadscope gamma MODEL`: every norm's γ from the parameters alone.
#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "core/checkpoint/checkpoint.h"
#include "core/report/report.h"

#include <nlohmann/json.hpp>

namespace deadscope {

int gamma_command(const std::string& model, const OutputOptions& output) {
    const Checkpoint checkpoint = open_checkpoint(model);
    const GammaReading gamma = read_gamma(checkpoint);
    std::vector<std::string> inputs{checkpoint.config_path()};
    for (const auto& file : checkpoint.files()) inputs.push_back(file->path());
    write_json(output.json.empty() ? std::string() : dump_json(gamma_json(gamma)), output.json, inputs);
    if (output.json != "-" && !output.quiet) print(gamma_summary(gamma));
    return 0;
}

}  // namespace deadscope

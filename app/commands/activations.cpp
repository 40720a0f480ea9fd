// `deadscope activations MODEL --out FILE.safetensors`: the residual stream itself.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/reading/activations.h"
#include "core/report/report.h"

namespace deadscope {

int activations_command(const std::string& model, const std::string& out, const ForwardArguments& arguments) {
    const ReadingSettings settings = reading_settings(arguments);
    if (settings.precisions.size() > 1 || settings.inits.size() > 1)
        throw Error::usage("one file holds one pass", {.expected = "one --precision and one --init"});
    const std::string& json = arguments.output.json;
    const auto place = [](const std::string& file) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(file));
    };
    if (!json.empty() && json != "-" && place(json) == place(out))
        throw Error::usage("the report and the activations are two files", {.key = "--json", .found = json});
    for (const std::string& file : input_files(arguments)) refuse_output_over_input(out, file);
    check_report(json, model, input_files(arguments));
    const std::optional<Reading> reading = write_activations(
        model, settings, out, terminal_progress("Activations of " + model, arguments.output));
    clear_progress();
    if (!reading) return interrupted_status;
    if (!json.empty()) print_json(report_json(*reading), json);
    for (const std::string& warning : reading->warnings)
        if (!arguments.output.quiet)
            std::fprintf(stderr, "deadscope: note: %s\n", printable(warning, 1000).c_str());
    return 0;
}

}  // namespace deadscope

// `deadscope read FILE --gamma G`: activations that come without their model.
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/reading/gamma_source.h"
#include "core/reading/read_activations.h"
#include "core/reading/rows.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

ActivationSettings settings_of(const ReadArguments& arguments) {
    ActivationSettings settings;
    settings.tensor = arguments.tensor;
    settings.gamma = arguments.gamma;
    settings.beta = arguments.beta;
    settings.input = arguments.input;
    if (arguments.kind == "layer_norm") settings.kind = NormKind::layer_norm;
    if (arguments.kind == "rms_norm") settings.kind = NormKind::rms_norm;
    if (!arguments.precision.empty()) {
        settings.precision = precision_from_name(arguments.precision);
        if (!settings.precision)
            throw Error::usage(
                "a value of an option is not known",
                {.key = "--precision", .expected = "f64, f32, bf16 or f16", .found = arguments.precision});
    }
    if (!(arguments.dead >= 0 && arguments.dead < 1))
        throw Error::usage("the share for a dead direction lies between 0 and 1",
                           {.key = "--dead", .found = std::to_string(arguments.dead)});
    settings.alignment.dead_relative = arguments.dead;
    return settings;
}

}  // namespace

int read_command(const ReadArguments& arguments) {
    const OutputOptions& output = arguments.output;
    const ActivationSettings settings = settings_of(arguments);
    if (!output.json.empty() && output.json != "-") {
        for (const std::string& text : {arguments.file, arguments.beta, arguments.input})
            if (!text.empty()) refuse_output_over_input(output.json, ArrayName::parse(text).file);
        refuse_output_over_norm(output.json, arguments.gamma);
        OutputFile probe(output.json);  // may be created; removed at once
    }
    const std::optional<Reading> reading =
        read_activations(arguments.file, settings, terminal_progress("Reading " + arguments.file, output));
    clear_progress();
    if (!reading) return interrupted_status;
    if (!output.json.empty()) print_json(report_json(*reading), output.json);
    if (output.json != "-" && !output.quiet) print(reading_summary(*reading, output.verbose));
    return 0;
}

}  // namespace deadscope

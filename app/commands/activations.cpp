// `deadscope activations MODEL --out FILE.safetensors`: the residual stream itself.
#include <cstdio>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/reading/activations.h"

namespace deadscope {

int activations_command(const std::string& model, const std::string& out, const ForwardArguments& arguments) {
    const ReadingSettings settings = reading_settings(arguments);
    if (settings.precisions.size() > 1 || settings.inits.size() > 1)
        throw Error::usage("one file holds one pass", {.expected = "one --precision and one --init"});
    if (!arguments.output.json.empty())
        throw Error::usage("activations writes no report", {.key = "--json", .hint = "analyze does"});
    for (const std::string& file : input_files(arguments)) refuse_output_over_input(out, file);
    std::vector<std::string> warnings;
    const Outcome outcome = write_activations(
        model, settings, out, terminal_progress("Activations of " + model, arguments.output), &warnings);
    clear_progress();
    for (const std::string& warning : warnings)
        if (!arguments.output.quiet)
            std::fprintf(stderr, "deadscope: note: %s\n", printable(warning, 1000).c_str());
    return outcome == Outcome::finished ? 0 : interrupted_status;
}

}  // namespace deadscope

// `deadscope analyze MODEL`: one forward pass per initialisation and precision; spectra, alignment, σ_min by
// block; by several processes under mpirun. Also the terminal run on several models where there is no
// display.
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/on_ranks.h"
#include "app/commands/terminal.h"
#include "core/checkpoint/checkpoint.h"
#include "core/cluster/open_ranks.h"
#include "core/cluster/team.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

void show(const Reading& reading, const OutputOptions& output) {
    if (!output.json.empty()) print_json(report_json(reading), output.json);
    if (output.json != "-" && !output.quiet) print(reading_summary(reading, output.verbose));
}

ReadingSettings settings_of(const ForwardArguments& arguments) {
    ReadingSettings settings = reading_settings(arguments);
    settings.factor_bytes = 0;  // spectra on demand are the window's
    return settings;
}

// Rank 0 alone looks at the output and writes it, behind a last meeting: a rank that died leaves no report.
int analyze_with(Ranks& ranks, const std::string& model, const ForwardArguments& arguments) {
    ReadingSettings settings = settings_of(arguments);
    if (settings.threads == 0) settings.threads = threads_of_rank();
    settings.device = device_of_rank(settings.device);
    OutputOptions output = arguments.output;
    Team team(ranks);
    if (!team.leads()) output.quiet = true;
    const bool finished = team.run([&] {
        if (team.leads()) check_report(output.json, model, input_files(arguments));
        if (!team.meet()) return false;
        const std::optional<Reading> reading =
            analyze(model, settings, ranks, terminal_progress("Reading " + model, output));
        if (!reading || !team.meet()) return false;
        if (team.leads()) show(*reading, output);
        return true;
    });
    clear_progress();
    return finished ? 0 : interrupted_status;
}

}  // namespace

int analyze_command(const std::string& model, const ForwardArguments& arguments) {
    const ReadingSettings settings = settings_of(arguments);
    if (launch()) return on_ranks([&](Ranks& ranks) { return analyze_with(ranks, model, arguments); });
    check_report(arguments.output.json, model, input_files(arguments));
    const std::optional<Reading> reading =
        analyze(model, settings, terminal_progress("Reading " + model, arguments.output));
    clear_progress();
    if (!reading) return interrupted_status;
    show(*reading, arguments.output);
    return 0;
}

int terminal_command(const std::string& intro, const std::vector<std::string>& models,
                     const ForwardArguments& arguments) {
    const OutputOptions& output = arguments.output;
    const ReadingSettings settings = reading_settings(arguments);
    std::string text = intro;
    std::vector<std::string> all = models;
    if (all.empty())
        for (const ZooModel& zoo : zoo_models()) all.push_back("zoo:" + zoo.name);
    for (const std::string& model : all) {
        const std::optional<Reading> reading =
            analyze(model, settings, terminal_progress("Reading " + model, output));
        if (!reading) {
            clear_progress();
            return interrupted_status;
        }
        text += "\n" + reading_summary(*reading, output.verbose);
    }
    if (!output.quiet) print(text);  // stdout stays empty when one of them fails
    return 0;
}

}  // namespace deadscope

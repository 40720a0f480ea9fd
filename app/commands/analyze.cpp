// `deadscope analyze MODEL`: one forward pass per initialisation and precision; spectra, alignment, σ_min by
// block. Also the terminal run on several models where there is no display.
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "core/base/output_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/output_guard.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

// The output is refused before a pass of minutes is run for it.
void check_output(const std::string& json, const std::string& model, const std::vector<std::string>& files) {
    if (json.empty() || json == "-") return;
    for (const std::string& file : files) refuse_output_over_input(json, file);
    refuse_output_over_checkpoint(json, open_checkpoint(model));
    OutputFile probe(json);  // may be created; removed at once
}

}  // namespace

int analyze_command(const std::string& model, const ForwardArguments& arguments) {
    const OutputOptions& output = arguments.output;
    ReadingSettings settings = reading_settings(arguments);
    settings.factor_bytes = 0;  // spectra on demand are the window's
    check_output(output.json, model, input_files(arguments));
    const std::optional<Reading> reading =
        analyze(model, settings, terminal_progress("Reading " + model, output));
    clear_progress();
    if (!reading) return interrupted_status;
    if (!output.json.empty()) write_json(dump_json(report_json(*reading)), output.json);
    if (output.json != "-" && !output.quiet) print(reading_summary(*reading, output.verbose));
    return 0;
}

int terminal_command(const std::vector<std::string>& models, const ForwardArguments& arguments) {
    std::vector<std::string> all = models;
    if (all.empty())
        for (const ZooModel& zoo : zoo_models()) all.push_back("zoo:" + zoo.name);
    for (const std::string& model : all) {
        const int status = analyze_command(model, arguments);
        if (status != 0) return status;
        if (&model != &all.back()) print("\n");
    }
    return 0;
}

}  // namespace deadscope

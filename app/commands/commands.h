// The command line of interface.md: arguments to a command, or to the window. Every command returns an
// exit status: 0 done, 1 bad input, 2 wrong usage, 3 out of a resource, 130 interrupted.
#pragma once

#include <string>
#include <vector>

#include "app/commands/options.h"

namespace deadscope {

int run_command_line(int argc, char** argv);

// One file a command, beside this one. Errors travel as Error to run_command_line, which turns them into
// status and words.
int gamma_command(const std::string& model, const OutputOptions& output);
struct HubArguments {
    std::string model;    // ORG/NAME[@REVISION]
    std::string weights;  // of several in the repository; empty: by their names
};
int remote_gamma_command(const HubArguments& arguments, const OutputOptions& output);
int fetch_command(const HubArguments& arguments, const OutputOptions& output);
int analyze_command(const std::string& model, const ForwardArguments& arguments);
int activations_command(const std::string& model, const std::string& out, const ForwardArguments& arguments);
// FILE --gamma G: the norm's output from a file, without its model (core/reading/read_activations.h).
struct ReadArguments {
    std::string file, gamma, beta, input, tensor, kind, precision;
    double dead = AlignmentSettings{}.dead_relative;
    OutputOptions output;
};
int read_command(const ReadArguments& arguments);
int doctor_command(const OutputOptions& output);
// Without a display: the built-in models (or those given) read in the terminal, verdict tables on stdout
// behind `intro`, once all are there.
int terminal_command(const std::string& intro, const std::vector<std::string>& models,
                     const ForwardArguments& arguments);

}  // namespace deadscope

// The options common to the forward-pass commands, as given on the command line, and how they become the
// settings of a reading. One list, in interface.md's order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/reading/analyze.h"

namespace CLI {
class App;
}

namespace deadscope {

struct OutputOptions {
    std::string json;      // path, "-" for stdout, empty: none
    bool quiet = false;    // no progress, no summary
    bool verbose = false;  // progress also where stderr is no terminal, and timings
};

struct ForwardArguments {
    std::string tokens, text, prompt, pixels, images, features, audio;
    std::optional<std::size_t> random;
    std::uint64_t seed = 0;
    std::vector<std::string> precision, init;
    std::string device = "auto";
    bool tf32 = false;
    int threads = 0;     // 0: every core there is
    std::string memory;  // "4G", "512MiB", bytes
    double tau = ResidualSettings{}.tau;
    double dead = AlignmentSettings{}.dead_relative;
    OutputOptions output;
};

void add_output_options(CLI::App& app, OutputOptions& output);
void add_forward_options(CLI::App& app, ForwardArguments& arguments);
// Errors: Error::usage for values that cannot be, or several inputs at once.
ReadingSettings reading_settings(const ForwardArguments& arguments);
// The input files named, for refuse_output_over_input.
std::vector<std::string> input_files(const ForwardArguments& arguments);
// That a report can be written there, before anything long begins. Errors: the place is one of the inputs or
// belongs to the model; it cannot be written to.
void check_report(const std::string& json, const std::string& model, const std::vector<std::string>& files);
std::uint64_t parse_bytes(const std::string& text);

}  // namespace deadscope

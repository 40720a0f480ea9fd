// See options.h.
#include "app/commands/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/output_guard.h"
#include "core/image/picture.h"

namespace deadscope {
namespace {

template <class T, class Parse>
std::vector<T> parse_list(const std::vector<std::string>& words, Parse parse, const char* option,
                          const char* allowed) {
    std::vector<T> result;
    for (const std::string& word : words) {
        const std::optional<T> value = parse(word);
        if (!value)
            throw Error::usage("a value of an option is not known",
                               {.key = option, .expected = allowed, .found = word});
        if (std::find(result.begin(), result.end(), *value) == result.end()) result.push_back(*value);
    }
    return result;
}

std::optional<Init> init_from_name(const std::string& name) {
    for (const Init init : {Init::trained, Init::random})
        if (name == init_name(init)) return init;
    return std::nullopt;
}

// "builtin:N" is N tokens of the built-in prose, unless a file is named so.
void take_prose_count(InputSettings& input) {
    const std::string prefix = std::string(kBuiltinProse) + ":";
    std::error_code ignored;
    if (input.kind != InputKind::text || !input.value.starts_with(prefix) ||
        std::filesystem::exists(input.value, ignored))
        return;
    const std::string digits = input.value.substr(prefix.size());
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() || count == 0)
        throw Error::usage("there must be tokens to read",
                           {.key = "--text", .expected = "builtin:N, N 1 or more", .found = input.value});
    input.value = kBuiltinProse;
    input.tokens = count;
}

InputSettings input_settings(const ForwardArguments& arguments) {
    InputSettings input;
    int given = 0;
    const auto take = [&](const std::string& value, InputKind kind) {
        if (value.empty()) return;
        ++given;
        input.kind = kind;
        input.value = value;
    };
    take(arguments.tokens, InputKind::tokens);
    take(arguments.text, InputKind::text);
    take_prose_count(input);
    take(arguments.prompt, InputKind::prompt);
    take(arguments.pixels, InputKind::pixels);
    take(arguments.images, InputKind::images);
    take(arguments.features, InputKind::features);
    take(arguments.audio, InputKind::audio);
    if (arguments.random) {
        ++given;
        input.kind = InputKind::random;
        input.tokens = arguments.random;
        if (*arguments.random == 0)
            throw Error::usage("there must be tokens to read",
                               {.key = "--random", .expected = "1 or more", .found = "0"});
    }
    if (given > 1)
        throw Error::usage(
            "only one input can be given",
            {.expected =
                 "one of --tokens, --text, --prompt, --pixels, --images, --features, --audio, --random"});
    input.seed = arguments.seed;
    return input;
}

}  // namespace

void add_output_options(CLI::App& app, OutputOptions& output) {
    app.add_option("--json", output.json, "write the report to FILE (- for stdout)")->type_name("FILE");
    app.add_flag("--quiet", output.quiet, "no progress and no summary");
    app.add_flag("--verbose", output.verbose, "progress even where stderr is no terminal, and timings");
}

void add_forward_options(CLI::App& app, ForwardArguments& a) {
    const std::string group = "Input and run";
    app.add_option("--tokens", a.tokens, "token ids, int32 or int64 [T] or [B, T]; each row its own sequence")
        ->type_name("FILE.npy")
        ->group(group);
    app.add_option(
           "--text", a.text,
           "text, by the checkpoint's own tokenizer; builtin or builtin:N: built-in prose, N tokens of it")
        ->type_name("FILE")
        ->group(group);
    app.add_option("--prompt", a.prompt, "text given here, by the checkpoint's own tokenizer")
        ->type_name("STR")
        ->group(group);
    app.add_option("--pixels", a.pixels, "float32 [B, C, H, W]")->type_name("FILE.npy")->group(group);
    app.add_option("--images", a.images,
                   "PNG and JPEG files, prepared as the checkpoint says; builtin: drawn ones")
        ->type_name("DIR")
        ->group(group);
    app.add_option("--features", a.features, "float32 log-mel frames [B, mel, frames]")
        ->type_name("FILE.npy")
        ->group(group);
    app.add_option("--audio", a.audio, "sound, prepared as the checkpoint says; split into windows")
        ->type_name("FILE.wav")
        ->group(group);
    app.add_option("--random", a.random,
                   "N seeded random tokens, pixels or frames; default about twice the width")
        ->type_name("N")
        ->group(group);
    app.add_option("--seed", a.seed, "for every random choice")->capture_default_str()->group(group);
    app.add_option("--precision", a.precision,
                   "arithmetic of the pass: f64, f32, bf16, f16; several make a ladder (default f32)")
        ->delimiter(',')
        ->type_name("LIST")
        ->group(group);
    app.add_option("--init", a.init, "trained, random, or trained,random for both (default trained)")
        ->delimiter(',')
        ->type_name("LIST")
        ->group(group);
    app.add_option("--device", a.device,
                   "auto, cpu, cuda:K, or several that share the sequences: cuda:0,cuda:1")
        ->capture_default_str()
        ->group(group);
    app.add_flag("--tf32", a.tf32, "let a GPU round the factors of f32 products to 10 bits, for speed")
        ->group(group);
    app.add_option("--threads", a.threads, "of this machine's processor, at most; 0: one a core")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--memory", a.memory, "a bound on working memory, e.g. 4G")
        ->type_name("SIZE")
        ->group(group);
    app.add_option("--tau", a.tau,
                   "a block is flagged where its smallest singular value falls below 1/TAU of the one before")
        ->capture_default_str()
        ->group(group);
    app.add_option("--dead", a.dead,
                   "a direction is dead at or below this share of the largest singular value")
        ->capture_default_str()
        ->group(group);
    add_output_options(app, a.output);
}

std::uint64_t parse_bytes(const std::string& text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    std::string unit(rest, end);
    std::transform(unit.begin(), unit.end(), unit.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (unit.ends_with("ib"))
        unit.resize(unit.size() - 2);
    else if (unit.ends_with("b"))
        unit.resize(unit.size() - 1);
    const std::string_view units = "kmgt";
    double factor = 1;
    bool known = unit.empty();
    if (unit.size() == 1 && units.find(unit[0]) != std::string_view::npos) {
        known = true;
        factor = std::pow(1024.0, static_cast<double>(units.find(unit[0]) + 1));
    }
    if (error != std::errc{} || !known || !(value > 0) || value * factor > 1e18)
        throw Error::usage(
            "the size is not one",
            {.key = "--memory", .expected = "a number and a unit, as 512M or 4G", .found = text});
    return static_cast<std::uint64_t>(value * factor);
}

ReadingSettings reading_settings(const ForwardArguments& arguments) {
    ReadingSettings settings;
    settings.input = input_settings(arguments);
    settings.seed = arguments.seed;
    settings.device = arguments.device;
    settings.tf32 = arguments.tf32;
    settings.threads = arguments.threads;
    if (!arguments.precision.empty())
        settings.precisions = parse_list<Precision>(arguments.precision, precision_from_name, "--precision",
                                                    "f64, f32, bf16 or f16");
    if (!arguments.init.empty())
        settings.inits = parse_list<Init>(arguments.init, init_from_name, "--init", "trained or random");
    if (!arguments.memory.empty()) settings.memory_bytes = parse_bytes(arguments.memory);
    if (!(arguments.tau > 1))
        throw Error::usage("the threshold of a fall must be above 1",
                           {.key = "--tau", .found = std::to_string(arguments.tau)});
    if (!(arguments.dead >= 0 && arguments.dead < 1))
        throw Error::usage("the share for a dead direction lies between 0 and 1",
                           {.key = "--dead", .found = std::to_string(arguments.dead)});
    settings.residual.tau = arguments.tau;
    settings.alignment.dead_relative = arguments.dead;
    return settings;
}

std::vector<std::string> input_files(const ForwardArguments& arguments) {
    std::vector<std::string> files;
    for (const std::string* file :
         {&arguments.tokens, &arguments.text, &arguments.pixels, &arguments.features, &arguments.audio})
        if (!file->empty()) files.push_back(*file);
    if (!arguments.images.empty() && arguments.images != kDrawnScenes)
        for (std::string& file : picture_files(arguments.images)) files.push_back(std::move(file));
    return files;
}

void check_report(const std::string& json, const std::string& model, const std::vector<std::string>& files) {
    if (json.empty() || json == "-") return;
    for (const std::string& file : files) refuse_output_over_input(json, file);
    refuse_output_over_checkpoint(json, open_checkpoint(model));
    OutputFile probe(json);  // may be created; removed at once
}

}  // namespace deadscope

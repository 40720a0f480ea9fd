// Arguments to a command or to the window, and errors to exit statuses and words.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>
#include <sstream>
#include <string_view>

#include "app/commands/batch.h"
#include "app/commands/commands.h"
#include "app/commands/on_ranks.h"
#include "app/commands/terminal.h"
#include "app/window.h"
#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/version.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/output_guard.h"

namespace deadscope {
namespace {

constexpr const char* later_commands[] = {"classify", "compare", "probe", "export", "report"};

constexpr std::pair<const char*, ThemeKind> themes[] = {
    {"dark", ThemeKind::dark}, {"light", ThemeKind::light}, {"projector", ThemeKind::projector}};

struct Arguments {
    std::vector<std::string> models;
    std::string model, out, panel = "window", size = "1280x800";
    std::string file, frame_times;
    bool remote = false;
    bool shares = false;  // the command is one for several ranks
    std::string theme;
    float scale = 1.0f;
    OutputOptions output;
    ForwardArguments forward;
    ReadArguments read;
    BatchArguments batch;
};

std::optional<ThemeKind> theme_of(const Arguments& a) {
    for (const auto& [name, kind] : themes)
        if (a.theme == name) return kind;
    return std::nullopt;  // not given
}

void parse_size(const std::string& text, int& width, int& height) {
    char rest = 0;
    if (std::sscanf(text.c_str(), "%dx%d%c", &width, &height, &rest) != 2 || width < 200 || height < 150 ||
        width > 16384 || height > 16384)
        throw Error::usage("the size of the picture is not one",
                           {.key = "--size", .expected = "WIDTHxHEIGHT, as 1280x800", .found = text});
}

// The built-in models show the theorem best beside their initialisation and in both precisions.
ReadingSettings window_settings(const ForwardArguments& forward) {
    ReadingSettings settings = reading_settings(forward);
    if (forward.init.empty()) settings.inits = {Init::trained, Init::random};
    return settings;
}

int explorer(Arguments& a) {
    if (!a.forward.output.json.empty())
        throw Error::usage("a report is written by a command, of one model",
                           {.key = "--json", .hint = "deadscope analyze MODEL --json FILE"});
    if (!display_available()) {
        if (a.forward.init.empty()) a.forward.init = {"trained", "random"};
        return terminal_command(
            "No display here: the same readings in the terminal. (`deadscope snapshot` draws the window to a "
            "file.)\n",
            a.models, a.forward);
    }
    WindowOptions options;
    options.models = a.models;
    options.settings = window_settings(a.forward);
    options.theme = theme_of(a);
    options.frame_times = a.frame_times;
    let_interrupts_end();  // the window keeps nothing half-written
    return run_window(options);
}

int snapshot_command(const Arguments& a) {
    SnapshotOptions options;
    options.models = a.models;
    options.settings = window_settings(a.forward);
    options.panel = a.panel;
    options.out = a.out;
    options.theme = theme_of(a).value_or(ThemeKind::dark);
    options.scale = a.scale;
    parse_size(a.size, options.width, options.height);
    for (const std::string& file : input_files(a.forward)) refuse_output_over_input(a.out, file);
    for (const std::string& model : a.models) refuse_output_over_checkpoint(a.out, open_checkpoint(model));
    let_interrupts_end();  // the picture is renamed into place when it is whole
    snapshot(options);
    return 0;
}

CLI::Option* add_model(CLI::App& command, Arguments& a) {
    return command
        .add_option("model", a.model,
                    "a folder, a weights file, a hub id in the local cache, or zoo:NAME[@STEP]")
        ->type_name("MODEL")
        ->required();
}

void add_file(CLI::App& command, Arguments& a) {
    command.add_option("--file", a.file, "the weights to take, where a repository holds several")
        ->type_name("NAME");
}

int one_or_many(const Arguments& a) {
    const bool batch = !a.batch.list.empty() || !a.batch.out.empty();
    if (batch && (a.batch.list.empty() || a.batch.out.empty() || !a.model.empty()))
        throw Error::usage("a batch takes its models from a list, and has a folder for the reports",
                           {.expected = "--batch LIST --out DIR, and no MODEL"});
    if (!batch && a.model.empty())
        throw Error::usage("a model is missing", {.expected = "MODEL, or --batch LIST --out DIR"});
    return batch ? batch_command(a.batch, a.forward) : analyze_command(a.model, a.forward);
}

void add_theme(CLI::App& command, Arguments& a) {
    std::vector<std::string> names;
    for (const auto& [name, kind] : themes) names.push_back(name);
    command.add_option("--theme", a.theme, "colours of the window")
        ->check(CLI::IsMember(names))
        ->type_name("THEME");
}

void add_read(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* read =
        app.add_subcommand("read", "bring your own activations (.npy, .npz, safetensors [N, d]) and γ");
    read->add_option("file", a.read.file, "the norm's output, [N, d] or [B, T, d]")
        ->type_name("FILE")
        ->required();
    read->add_option("--gamma", a.read.gamma,
                     "γ: FILE[:NAME] of an array [d], or MODEL[:NORM] of a checkpoint")
        ->type_name("G")
        ->required();
    read->add_option("--beta", a.read.beta, "β, an array [d]")->type_name("FILE[:NAME]");
    read->add_option("--tensor", a.read.tensor, "which array of the file, where it holds several")
        ->type_name("NAME");
    read->add_option("--input", a.read.input,
                     "the norm's input, of the output's shape: completes the noise floor")
        ->type_name("FILE[:NAME]");
    read->add_option("--kind", a.read.kind,
                     "what the norm is said to be; default: as the checkpoint says, or nothing")
        ->check(CLI::IsMember({"layer_norm", "rms_norm"}))
        ->type_name("KIND");
    read->add_option("--precision", a.read.precision,
                     "arithmetic that made the activations: f64, f32, bf16, f16 (default: the file's own)")
        ->type_name("NAME");
    read->add_option("--dead", a.read.dead,
                     "a direction is dead at or below this share of the largest singular value")
        ->capture_default_str();
    add_output_options(*read, a.read.output);
    read->callback([&] { chosen = [&] { return read_command(a.read); }; });
}

void add_gamma(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* gamma = app.add_subcommand("gamma", "every norm's γ, from the parameters alone (no forward pass)");
    add_model(*gamma, a);
    add_output_options(*gamma, a.output);
    gamma->add_flag("--remote", a.remote,
                    "read a hub id where it is: headers and norms by range requests, no download");
    add_file(*gamma, a);
    gamma->callback([&] {
        chosen = [&] {
            return a.remote ? remote_gamma_command({a.model, a.file}, a.output)
                            : gamma_command(a.model, a.output);
        };
    });
}

void add_analyze(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* analyze = app.add_subcommand("analyze", "one forward pass: spectra, alignment, σ_min by block");
    add_model(*analyze, a)->required(false);
    analyze
        ->add_option(
            "--batch", a.batch.list,
            "many checkpoints: a text file with a MODEL a line (the window's Run every shown model); what "
            "is finished is kept when it is run again")
        ->type_name("LIST");
    analyze->add_option("--out", a.batch.out, "of a batch: the folder of its reports and summary.csv")
        ->type_name("DIR");
    add_forward_options(*analyze, a.forward);
    analyze->callback([&] {
        a.shares = true;
        chosen = [&] { return one_or_many(a); };
    });
}

void add_activations(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* activations =
        app.add_subcommand("activations", "the residual stream itself, to a safetensors file");
    add_model(*activations, a);
    activations->add_option("--out", a.out, "the file to write")->type_name("FILE.safetensors")->required();
    add_forward_options(*activations, a.forward);
    activations->callback([&] { chosen = [&] { return activations_command(a.model, a.out, a.forward); }; });
}

void add_snapshot(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* picture = app.add_subcommand("snapshot", "a panel drawn off-screen (no display needed)");
    picture->add_option("model", a.models, "models to open; none: the built-in ones")->type_name("MODEL");
    picture->add_option("--panel", a.panel, "a panel's name, or window for all")
        ->type_name("NAME")
        ->capture_default_str();
    picture->add_option("--out", a.out, "the picture to write")->type_name("FILE.png")->required();
    picture->add_option("--size", a.size, "pixels")->type_name("WxH")->capture_default_str();
    picture->add_option("--scale", a.scale, "of text and lines")
        ->check(CLI::Range(0.5, 4.0))
        ->capture_default_str();
    add_theme(*picture, a);
    add_forward_options(*picture, a.forward);
    picture->callback([&] { chosen = [&] { return snapshot_command(a); }; });
}

void add_fetch(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* fetch = app.add_subcommand("fetch", "download a checkpoint into the hub cache");
    fetch->add_option("id", a.model, "NAME or ORGANISATION/NAME, then @REVISION or not")
        ->type_name("ID")
        ->required();
    add_file(*fetch, a);
    add_output_options(*fetch, a.output);
    fetch->callback([&] { chosen = [&] { return fetch_command({a.model, a.file}, a.output); }; });
}

void add_doctor(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto* doctor =
        app.add_subcommand("doctor", "devices, BLAS, OpenGL, cache folders: what works here, what not");
    add_output_options(*doctor, a.output);
    doctor->callback([&] {
        a.shares = true;
        chosen = [&] { return doctor_command(a.output); };
    });
}

struct Command {
    std::string_view name;
    void (*add)(CLI::App& app, Arguments& a, std::function<int()>& chosen);
};
constexpr Command commands[] = {
    {"gamma", add_gamma},       {"analyze", add_analyze}, {"activations", add_activations},
    {"snapshot", add_snapshot}, {"fetch", add_fetch},     {"read", add_read},
    {"doctor", add_doctor}};

// What the parser is to know: where a command is asked for that one alone, since to describe all of them
// takes a twentieth of the time that reading γ does.
void describe(CLI::App& app, std::string_view first_word, Arguments& a, std::function<int()>& chosen) {
    if (const auto* asked = std::ranges::find(commands, first_word, &Command::name);
        asked != std::end(commands))
        return asked->add(app, a, chosen);
    app.set_version_flag("--version", std::string("deadscope ") + version);
    app.add_option("model", a.models, "models to open in the explorer; none: the built-in ones")
        ->type_name("MODEL");
    add_theme(app, a);
    app.add_option("--frame-times", a.frame_times,
                   "when the window is closed, what each frame took its thread (CSV)")
        ->type_name("FILE");
    add_forward_options(app, a.forward);
    for (const Command& command : commands) command.add(app, a, chosen);
}

// An option without a value is a variable of somebody's script that is not set; it is not taken for no
// option.
void refuse_empty_values(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
        if (option->get_positional() || option->get_items_expected_max() == 0) continue;
        option->check([](const std::string& value) { return value.empty() ? "there is no value" : ""; });
    }
    for (CLI::App* command : app.get_subcommands({})) refuse_empty_values(*command);
}

void refuse_later_commands(const Arguments& a) {
    if (a.models.empty()) return;
    for (const char* name : later_commands)
        if (a.models.front() == name)
            throw Error::usage("that command is not in this version",
                               {.key = name,
                                .expected = "gamma, analyze, activations, read, snapshot, fetch or doctor",
                                .hint = "for a folder of that name write ./" + std::string(name) + "."});
}

}  // namespace

int run_command_line(int argc, char** argv) {
    keep_standard_streams();
    Arguments a;
    std::function<int()> chosen = [&] {
        refuse_later_commands(a);
        return explorer(a);
    };
    CLI::App app("deadscope: the kernel that LayerNorm leaves in its activations, predicted and measured.",
                 "deadscope");
    describe(app, argc > 1 ? argv[1] : "", a, chosen);
    refuse_empty_values(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& information) {  // --help, --version
        std::ostringstream text;
        app.exit(information, text, text);
        a.shares = true;
        chosen = [words = text.str()] {
            if (!another_rank_speaks()) print(words);
            return 0;
        };
    } catch (const CLI::ParseError& error) {
        if (another_rank_speaks()) return static_cast<int>(ErrorKind::usage);
        return report_error(
            Error::usage(error.what(), {.hint = "run with --help for what there is to give"}));
    }
    catch_interrupts();
    try {
        if (!a.shares) refuse_ranks();
        return chosen();
    } catch (const Error& error) {
        const bool common = error.kind() == ErrorKind::usage;  // every rank finds it
        if (common && another_rank_speaks()) return static_cast<int>(error.kind());
        return report_error(error);
    } catch (const std::filesystem::filesystem_error& error) {
        return report_error(Error::input("a file or folder cannot be looked at",
                                         {.file = error.path1().string(), .found = error.code().message()}));
    } catch (const std::bad_alloc&) {
        return report_error(
            Error::resource("out of memory", {.hint = "give fewer tokens, or a bound with --memory"}));
    } catch (const std::exception& error) {
        return report_error(Error::resource("an unexpected error", {.found = error.what()}));
    }
}

}  // namespace deadscope

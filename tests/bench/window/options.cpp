// See options.h.
#include "tests/bench/window/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace deadscope {

BenchOptions parse_bench_options(int argc, char** argv) {
    BenchOptions options;
    std::string size = "1280x800", theme = "dark";
    CLI::App app("Frame times of deadscope's window under load.");
    app.add_option("--frames", options.frames, "of each scene")->check(CLI::Range(10, 100000));
    app.add_option("--size", size, "of the picture, WxH");
    app.add_option("--theme", theme)->check(CLI::IsMember({"dark", "light", "projector"}));
    app.add_option("--scene", options.scene, "the only one to run");
    app.add_option("--out", options.out, "folder for a picture of each scene")->check(CLI::ExistingDirectory);
    app.add_flag("--json", options.json, "for ./run bench, instead of the table");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    if (std::sscanf(size.c_str(), "%dx%d", &options.width, &options.height) != 2)
        throw Error::usage("the size is not one", {.key = "--size", .expected = "WxH", .found = size});
    const std::map<std::string, ThemeKind> themes{
        {"dark", ThemeKind::dark}, {"light", ThemeKind::light}, {"projector", ThemeKind::projector}};
    options.theme = themes.at(theme);
    return options;
}

}  // namespace deadscope

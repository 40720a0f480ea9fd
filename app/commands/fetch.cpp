// `deadscope fetch ID` downloads a checkpoint into the hub cache; `deadscope gamma ID --remote` reads γ
// without a download.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/terminal.h"
#include "app/durations.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/hub/download.h"
#include "core/reading/remote_gamma.h"
#include "core/reading/words.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

HubId hub_id(const std::string& model) {
    if (const auto id = parse_hub_id(model)) return *id;
    throw Error::usage("This is no hub id",
                       {.key = model, .expected = "NAME or ORGANISATION/NAME, then @REVISION or not"});
}

// Bytes a second over the last seconds, so that a wait does not count for long.
// Thread rule: one thread at a time.
class Rate {
public:
    double of(std::uint64_t bytes) {
        const auto now = std::chrono::steady_clock::now();
        const double seconds = std::chrono::duration<double>(now - since_).count();
        if (seconds > window_s) {
            rate_ = static_cast<double>(bytes - before_) / seconds;
            since_ = now;
            before_ = bytes;
        }
        return rate_;
    }

private:
    static constexpr double window_s = 1.0;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::uint64_t before_ = 0;
    double rate_ = 0.0;
};

std::string progress_words(const std::string& name, const FetchProgress& done, double rate) {
    if (done.bytes_total == 0) return "Asking the hub for " + name;
    std::string words =
        "Fetching " + name + "  " + bytes_text(done.bytes) + " of " + bytes_text(done.bytes_total);
    if (rate > 0) {
        const auto left = static_cast<double>(done.bytes_total - std::min(done.bytes, done.bytes_total));
        words += ", " + bytes_text(static_cast<std::uint64_t>(rate)) + "/s, " + duration_text(left / rate) +
                 " left";
    }
    return words;
}

std::string fetched_words(const FetchResult& result) {
    const FetchProgress& done = result.done;
    std::string words = counted(done.files_total, "file") + ", " + bytes_text(done.bytes_total) + "; " +
                        bytes_text(done.bytes_received) + " fetched";
    if (result.bytes_resumed > 0) words += ", " + bytes_text(result.bytes_resumed) + " resumed";
    return words;
}

nlohmann::ordered_json fetch_json(const FetchResult& result) {
    return {{"schema", "deadscope.fetch/1"},
            {"repository", result.listing.id.repository},
            {"revision", result.listing.id.revision},
            {"commit", result.listing.commit},
            {"snapshot", to_utf8(result.snapshot)},
            {"weights", result.weights},
            {"files", result.done.files_total},
            {"bytes_total", result.done.bytes_total},
            {"bytes_fetched", result.done.bytes_received},
            {"bytes_resumed", result.bytes_resumed}};
}

}  // namespace

int fetch_command(const HubArguments& arguments, const OutputOptions& output) {
    const HubId id = hub_id(arguments.model);
    const std::string name = printable(arguments.model, 60);
    ProgressLine line(output);
    Rate rate;
    FetchOptions options;
    options.weights = arguments.weights;
    options.progress = [&](const FetchProgress& done) {
        const double speed = rate.of(done.bytes_received);
        return line.update([&] { return progress_words(name, done, speed); });
    };
    const auto result = fetch_checkpoint(hub_settings(), id, options);
    clear_progress();
    if (!result) return interrupted_status;
    if (!output.json.empty()) print_json(fetch_json(*result), output.json);
    if (output.json != "-" && !output.quiet) {
        print(name + " is in the cache: " + fetched_words(*result) + "\n" +
              printable(result->snapshot, 4000) + "\n");
    }
    return 0;
}

int remote_gamma_command(const HubArguments& arguments, const OutputOptions& output) {
    const HubId id = hub_id(arguments.model);
    const std::string name = printable(arguments.model, 60);
    ProgressLine line(output);
    const auto remote = read_gamma_remotely(
        hub_settings(), id,
        [&] { return line.update([&] { return "Reading γ of " + name + " on the hub"; }); },
        arguments.weights);
    clear_progress();
    if (!remote) return interrupted_status;
    if (!output.json.empty()) {
        nlohmann::ordered_json json = gamma_json(remote->gamma);
        json["remote"] = {{"commit", remote->commit},
                          {"weights", remote->weights},
                          {"bytes_fetched", remote->bytes_fetched},
                          {"bytes_total", remote->bytes_total},
                          {"requests", remote->requests}};
        print_json(json, output.json);
    }
    if (!output.quiet) std::fprintf(stderr, "deadscope: %s\n", remote_words(*remote).c_str());
    if (output.json != "-" && !output.quiet) print(gamma_summary(remote->gamma));
    return 0;
}

}  // namespace deadscope

// See results.h. The mark is the key "batch" of the report.
#include "core/batch/results.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/report/report.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t largest_report = 1u << 30;  // bytes
constexpr const char* schema = "deadscope.report/1";
constexpr const char* summary_head = "model,status,alignment,lambda_v,d,tokens,seconds,report,reason";

std::string digest_of(const std::vector<std::string>& files) {
    constexpr std::uint64_t piece = 1u << 24;
    Hasher hasher;
    for (const std::string& path : files) {
        const auto file = MappedFile::open(path);
        for (std::uint64_t at = 0; at < file->size(); at += piece) {
            const std::string bytes = file->text(at, std::min(piece, file->size() - at));
            hasher.add(std::as_bytes(std::span(bytes)));
        }
        const std::uint64_t size = file->size();
        hasher.add(std::as_bytes(std::span(&size, 1)));
    }
    return hash_text(hasher.value());
}

nlohmann::json parsed(const std::string& file) {
    return parse_json(read_text_file(file, largest_report), {.file = file});
}

[[noreturn]] void not_whole(const std::string& file, const std::string& key) {
    throw Error::input("This is not a whole report",
                       {.file = file, .key = key, .expected = std::string(schema)});
}

// The marked report's row. Errors: as row_of_report.
BatchRow row_of(const nlohmann::json& value, const std::string& file, const BatchEntry& entry) {
    const JsonObject report(value, file);
    if (report.text("schema") != schema) not_whole(file, "schema");
    const auto batch = report.object("batch"), model = report.object("model"), input = report.object("input");
    for (const char* key : {"batch", "model", "input", "lambda_v", "final", "blocks", "timing"})
        if (!report.has(key)) not_whole(file, key);
    BatchRow row;
    row.model = entry.model;
    row.report = entry.name + ".json";
    row.alignment = report.number("alignment");
    row.lambda_v = report.number("lambda_v");
    row.d = model->integer("d_model").value_or(0);
    row.tokens = input->integer("tokens").value_or(0);
    row.seconds = batch->number("seconds").value_or(0.0);
    return row;
}

// Whether a weights or configuration file changed after the report. A checkpoint that is not there any more
// changes nothing.
bool newer_than(const Checkpoint& checkpoint, fs::file_time_type report) {
    std::error_code error;
    std::vector<std::string> files{checkpoint.config_path()};
    for (const auto& file : checkpoint.files()) files.push_back(file->path());
    for (const std::string& file : files) {
        const auto changed = fs::last_write_time(file, error);
        if (!error && changed > report) return true;
    }
    return false;
}

bool changed_since(const std::string& model, fs::file_time_type report) {
    try {
        return newer_than(open_checkpoint(model), report);
    } catch (const Error&) {
        return false;
    }
}

std::string number_field(const std::optional<double>& value) {
    if (!value || !std::isfinite(*value)) return "";
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, *value);
    return {digits, end};
}

// A file that is there and does not have `mark` at its beginning is somebody else's.
void refuse_without(std::string_view mark, const std::string& path, const std::string& kind) {
    std::error_code error;
    if (!fs::exists(path, error)) return;
    const auto file = MappedFile::open(path);
    const std::string head = file->text(0, std::min<std::uint64_t>(file->size(), 100));
    if (file->size() > 0 && head.find(mark) == std::string::npos)
        throw Error::input("A file of another kind stands where the " + kind + " would be written",
                           {.file = path, .hint = "choose another folder with --out"});
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

}  // namespace

Json batch_settings(const ReadingSettings& settings, const std::vector<std::string>& input_files) {
    const InputSettings& input = settings.input;
    Json precisions = Json::array(), inits = Json::array();
    for (const Precision precision : settings.precisions)
        precisions.push_back(std::string(precision_name(precision)));
    for (const Init init : settings.inits) inits.push_back(std::string(init_name(init)));
    return {{"version", version},
            {"input", std::string(input_kind_name(input.kind))},
            {"value", input_files.empty() ? to_utf8(input.value) : digest_of(input_files)},
            {"tokens", input.tokens ? Json(*input.tokens) : Json(nullptr)},
            {"seed", settings.seed},
            {"precision", std::move(precisions)},
            {"init", std::move(inits)},
            {"device", settings.device},
            {"tau", settings.residual.tau},
            {"dead_relative", settings.alignment.dead_relative}};
}

std::string batch_report(const Reading& reading, const BatchEntry& entry, const Json& settings,
                         double seconds) {
    Json report = report_json(reading);
    report["batch"] = {{"model", to_utf8(entry.model)}, {"seconds", seconds}, {"settings", settings}};
    return dump_json(report);
}

std::string_view status_name(BatchRow::Status status) {
    switch (status) {
        case BatchRow::Status::done:
            return "done";
        case BatchRow::Status::kept:
            return "kept";
        case BatchRow::Status::failed:
            return "failed";
        case BatchRow::Status::not_read:
            break;
    }
    return "not read";
}

BatchRow row_of_report(const std::string& text, const std::string& file, const BatchEntry& entry) {
    BatchRow row = row_of(parse_json(text, {.file = file}), file, entry);
    row.status = BatchRow::Status::done;
    return row;
}

std::optional<BatchRow> kept_row(const std::string& file, const BatchEntry& entry, const Json& settings) {
    std::error_code error;
    const auto written = fs::last_write_time(file, error);
    if (error) return std::nullopt;
    try {
        const nlohmann::json report = parsed(file);
        BatchRow row = row_of(report, file, entry);
        row.status = BatchRow::Status::kept;
        const nlohmann::json& mark = report.at("batch");
        const bool same = mark.value("model", "") == to_utf8(entry.model) &&
                          mark.value("settings", nlohmann::json()) == nlohmann::json(settings);
        if (same && !changed_since(entry.model, written)) return row;
    } catch (const Error&) {  // cut off, or no report of a batch: made anew
    } catch (const nlohmann::json::exception&) {
    }
    return std::nullopt;
}

void refuse_foreign_file(const std::string& file) {
    refuse_without(schema, file, "report");
}

void refuse_foreign_summary(const std::string& file) {
    refuse_without(summary_head, file, "summary");
}

std::string summary_csv(const std::vector<BatchRow>& rows) {
    std::string out = std::string(summary_head) + "\r\n";
    for (const BatchRow& row : rows) {
        const bool read = !row.report.empty();
        out += quoted(printable(row.model, 5000)) + "," + std::string(status_name(row.status)) + "," +
               number_field(row.alignment) + "," + number_field(row.lambda_v) + "," +
               (read ? std::to_string(row.d) : "") + "," + (read ? std::to_string(row.tokens) : "") + "," +
               number_field(std::round(row.seconds * 1000.0) / 1000.0) + "," + quoted(row.report) + "," +
               quoted(printable(row.reason, 1000)) + "\r\n";
    }
    return out;
}

}  // namespace deadscope

// What a batch leaves: a report for each checkpoint, marked with what it was asked for, so that a later run
// knows a finished one; and a summary of them all. Which checkpoint is read when is left to the caller.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/batch/list.h"
#include "core/reading/analyze.h"

namespace deadscope {

// Everything that was asked for and changes the numbers: two runs of equal settings give equal reports. Of
// input files their contents count, not their names.
nlohmann::ordered_json batch_settings(const ReadingSettings& settings,
                                      const std::vector<std::string>& input_files);

// The report of one entry, as text to be written.
std::string batch_report(const Reading& reading, const BatchEntry& entry,
                         const nlohmann::ordered_json& settings, double seconds);

struct BatchRow {
    enum class Status { done, kept, failed, not_read } status = Status::not_read;
    std::string model{},
        report{};  // report: the file's name in the batch's folder; empty where there is none
    std::optional<double> alignment{}, lambda_v{};
    std::int64_t d = 0, tokens = 0;
    double seconds = 0.0;
    std::string reason{};  // why it failed, in one line
};
std::string_view status_name(BatchRow::Status status);

// The row of a report. Errors: Error::input where the text is not a whole report.
BatchRow row_of_report(const std::string& text, const std::string& file, const BatchEntry& entry);

// The row of the finished report in `file`, where it is there, whole, of this entry with these settings and
// newer than the checkpoint's files.
std::optional<BatchRow> kept_row(const std::string& file, const BatchEntry& entry,
                                 const nlohmann::ordered_json& settings);

// Errors: Error::input where a file of another kind stands where the report would be written.
void refuse_foreign_file(const std::string& file);

void refuse_foreign_summary(const std::string& file);  // likewise

// One line a row, quoted as RFC 4180 says.
std::string summary_csv(const std::vector<BatchRow>& rows);

}  // namespace deadscope

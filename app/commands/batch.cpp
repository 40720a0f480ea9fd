// See batch.h. Rank 0, or the only process, owns the folder: it looks what is finished, writes the reports
// and the summary. Whoever reads a checkpoint hands its report over as text.
#include "app/commands/batch.h"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands/on_ranks.h"
#include "app/commands/terminal.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/batch/list.h"
#include "core/batch/results.h"
#include "core/cluster/open_ranks.h"
#include "core/cluster/team.h"
#include "core/reading/words.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

// What became of one checkpoint. As text: a letter, the seconds, a space, the report or the reason.
struct ReadOutcome {
    enum class Kind : char { report = 'r', failed = 'f', stopped = 's' } kind = Kind::stopped;
    double seconds = 0.0;
    std::string text;

    std::string packed() const { return static_cast<char>(kind) + std::to_string(seconds) + " " + text; }
    static ReadOutcome unpacked(const std::string& packed) {
        const std::size_t space = packed.find(' ');
        return {static_cast<Kind>(packed.at(0)), std::stod(packed.substr(1, space - 1)),
                packed.substr(space + 1)};
    }
};

std::string reason_of(const Error& error) {
    std::string words;  // the lines of the message, which are indented
    for (const char c : error.message()) {
        if (c == ' ' && words.ends_with("; ")) continue;
        words += c == '\n' ? "; " : std::string(1, c);
    }
    return words;
}

// The folder of the reports. Thread rule: one thread at a time.
class Folder {
public:
    Folder(std::string path, std::vector<BatchEntry> entries, nlohmann::ordered_json settings)
        : path_(std::move(path)), entries_(std::move(entries)), settings_(std::move(settings)) {
        for (const BatchEntry& entry : entries_) rows_.push_back({.model = entry.model});
    }

    void make() const {
        std::error_code error;
        fs::create_directories(path_, error);
        if (!fs::is_directory(path_, error))
            throw Error::input("the folder for the reports cannot be made", {.file = path_});
        refuse_foreign_summary(path_ + "/summary.csv");
    }

    // What is left to do, in the list's order.
    std::vector<std::size_t> look() {
        std::vector<std::size_t> left;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (auto row = kept_row(file_of(i), entries_[i], settings_)) {
                rows_[i] = *std::move(row);
            } else if (!entries_[i].fault.empty()) {
                fail(i, "line " + std::to_string(entries_[i].line) + " of the list: " + entries_[i].fault);
            } else {
                left.push_back(i);
            }
        }
        write_summary();
        return left;
    }

    // Writes a report. What does not work is the row's, not the batch's.
    void take(std::size_t i, const ReadOutcome& outcome) {
        if (outcome.kind == ReadOutcome::Kind::stopped) return;
        if (outcome.kind == ReadOutcome::Kind::failed) {
            fail(i, outcome.text);
        } else {
            try {
                write(i, outcome.text);
            } catch (const Error& error) {
                fail(i, reason_of(error));
            }
        }
        rows_[i].seconds = outcome.seconds;
        write_summary();
    }

    void write_summary() const {
        OutputFile file(path_ + "/summary.csv");
        file.write(summary_csv(rows_));
        file.commit();
    }

    const std::vector<BatchRow>& rows() const { return rows_; }

private:
    std::string file_of(std::size_t i) const { return path_ + "/" + entries_[i].name + ".json"; }
    void fail(std::size_t i, std::string reason) {
        rows_[i].status = BatchRow::Status::failed;
        rows_[i].reason = std::move(reason);
    }
    void write(std::size_t i, const std::string& text) {
        BatchRow row = row_of_report(text, file_of(i), entries_[i]);
        refuse_foreign_file(file_of(i));
        OutputFile file(file_of(i));
        file.write(text);
        file.commit();
        rows_[i] = std::move(row);
    }

    std::string path_;
    std::vector<BatchEntry> entries_;
    nlohmann::ordered_json settings_;
    std::vector<BatchRow> rows_;
};

// One batch, alone or on ranks. Thread rule: as Ranks.
class Batch {
public:
    Batch(const BatchArguments& batch, const ForwardArguments& arguments, Ranks* ranks)
        : ranks_(ranks),
          output_(arguments.output),
          settings_(reading_settings(arguments)),
          entries_(read_batch_list(batch.list)),
          marks_(batch_settings(settings_, input_files(arguments))),
          folder_(batch.out, entries_, marks_) {
        if (settings_.threads == 0) settings_.threads = threads_of_rank();
        settings_.device = device_of_rank(settings_.device);
        settings_.factor_bytes = 0;  // spectra on demand are the window's
        if (!leads()) output_.quiet = true;
        if (!leads()) return;
        folder_.make();
        left_ = folder_.look();
    }

    // Errors, on all ranks: Error::input where machines hold different files under the list's name.
    void expect_same_list() const {
        std::string words = marks_.dump();
        for (const BatchEntry& entry : entries_) words += "\n" + entry.model;
        const auto mine = static_cast<std::int64_t>(hash64(words) >> 1);
        const std::int64_t least = ranks_->minimum(mine), most = -ranks_->minimum(-mine);
        if (least != most)
            throw Error::input("The ranks do not read the same list and input",
                               {.expected = "the same files under the same names on every machine"});
    }

    // False where it was interrupted.
    bool run() {
        if (ranks_) tell_what_is_left();
        if (ranks_ && left_.size() >= static_cast<std::size_t>(ranks_->size())) {
            ranks_->hand_out(
                left_.size(), [&](std::size_t i) { return read(left_[i], nullptr).packed(); },
                [&](std::size_t i, const std::string& packed) {
                    folder_.take(left_[i], ReadOutcome::unpacked(packed));
                });
        } else {
            for (const std::size_t i : left_)
                if (!(ranks_ ? read_together(i) : read_alone(i))) break;
        }
        clear_progress();
        return !stopped_;
    }

    // The table, and the exit status.
    int finish() const;

private:
    bool leads() const { return !ranks_ || ranks_->rank() == 0; }

    void tell_what_is_left() {
        std::string text;
        for (const std::size_t i : left_) text += std::to_string(i) + " ";
        ranks_->broadcast(text, 0);
        left_.clear();
        for (std::size_t at = 0, space = 0; (space = text.find(' ', at)) != std::string::npos; at = space + 1)
            left_.push_back(std::stoul(text.substr(at, space - at)));
    }

    bool read_alone(std::size_t i) {
        folder_.take(i, read(i, nullptr));
        return !stopped_;
    }
    // Every rank comes here with the same i. An error that ends the batch, as a full disk's, ends it on all.
    bool read_together(std::size_t i) {
        return Team(*ranks_).run([&] {
            const ReadOutcome outcome = read(i, ranks_);
            if (leads()) folder_.take(i, outcome);
            return !stopped_;
        });
    }

    ReadOutcome read(std::size_t i, Ranks* together) {
        const BatchEntry& entry = entries_.at(i);
        const auto start = std::chrono::steady_clock::now();
        const auto seconds = [&] {
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        };
        const Progress progress =
            terminal_progress("Reading " + printable(entry.model, 60) + ", " + std::to_string(i + 1) +
                                  " of " + std::to_string(entries_.size()),
                              output_);
        // Once interrupted, nothing more is begun.
        if (stopped_ || (!together && !proceed(progress, {.phase = "weights"}))) return stop();
        try {
            const auto reading = together ? analyze(entry.model, settings_, *together, progress)
                                          : analyze(entry.model, settings_, progress);
            if (!reading) return stop();
            if (together && !leads()) return {ReadOutcome::Kind::report, seconds(), ""};
            return {ReadOutcome::Kind::report, seconds(), batch_report(*reading, entry, marks_, seconds())};
        } catch (const Error& error) {
            return {ReadOutcome::Kind::failed, seconds(), reason_of(error)};
        } catch (const std::bad_alloc&) {
            return {ReadOutcome::Kind::failed, seconds(), "out of memory"};
        } catch (const std::exception& error) {
            return {ReadOutcome::Kind::failed, seconds(), printable(error.what())};
        }
    }
    ReadOutcome stop() {
        stopped_ = true;
        return {};
    }

    Ranks* ranks_;
    OutputOptions output_;
    ReadingSettings settings_;
    std::vector<BatchEntry> entries_;
    nlohmann::ordered_json marks_;
    Folder folder_;
    std::vector<std::size_t> left_;  // to be read
    bool stopped_ = false;
};

int Batch::finish() const {
    const std::vector<BatchRow>& rows = folder_.rows();
    std::size_t kept = 0, failed = 0;
    for (const BatchRow& row : rows) {
        kept += row.status == BatchRow::Status::kept ? 1 : 0;
        failed += row.status == BatchRow::Status::failed ? 1 : 0;
    }
    if (!output_.quiet) print(batch_summary(rows));
    if (failed == 0) return 0;
    return report_error(Error::input(
        counted(failed, "checkpoint") + " of " + std::to_string(rows.size()) + " could not be read",
        {.hint = "the table and summary.csv say why"}));
}

int alone(const BatchArguments& batch, const ForwardArguments& arguments) {
    Batch work(batch, arguments, nullptr);
    return work.run() ? work.finish() : interrupted_status;
}

int with(Ranks& ranks, const BatchArguments& batch, const ForwardArguments& arguments) {
    Team team(ranks);
    int status = 0;
    const bool finished = team.run([&] {
        Batch work(batch, arguments, &ranks);
        if (!team.meet()) return false;
        work.expect_same_list();
        if (!work.run()) return false;
        if (team.leads()) status = work.finish();
        return true;
    });
    if (!finished) return interrupted_status;
    return static_cast<int>(-ranks.minimum(-status));
}

}  // namespace

int batch_command(const BatchArguments& batch, const ForwardArguments& arguments) {
    if (!arguments.output.json.empty())
        throw Error::usage("a batch writes a report of each checkpoint to its own file",
                           {.key = "--json", .hint = "leave it out"});
    reading_settings(arguments);  // refuses what cannot be before any rank is joined
    if (launch()) return on_ranks([&](Ranks& ranks) { return with(ranks, batch, arguments); });
    return alone(batch, arguments);
}

}  // namespace deadscope

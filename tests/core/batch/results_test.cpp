// Which report a batch keeps: only a whole one, of the same entry and settings, newer than the checkpoint.
#include "core/batch/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/base/mapped_file.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;

// One finished entry of a batch in a folder of its own.
class Batch : public testing::Test {
protected:
    Batch() : file_((folder_ / "entry.json").string()) {
        how_.input.tokens = 160;
        how_.threads = 1;
        marks_ = batch_settings(how_, {});
        text_ = batch_report(analyze(entry_.model, how_).value(), entry_, marks_, 1.5);
        write(text_);
    }
    void write(const std::string& text) { std::ofstream(file_) << text; }
    bool kept() const { return kept_row(file_, entry_, marks_).has_value(); }

    fixtures::TemporaryFolder folder_;
    std::string file_, text_;
    BatchEntry entry_{"zoo:gpt-planted", "entry", 1, ""};
    ReadingSettings how_;
    nlohmann::ordered_json marks_;
};

TEST_F(Batch, AFinishedReportIsKeptWithItsNumbers) {
    const BatchRow row = kept_row(file_, entry_, marks_).value();
    EXPECT_EQ(row.status, BatchRow::Status::kept);
    EXPECT_EQ(row.model, "zoo:gpt-planted");
    EXPECT_EQ(row.report, "entry.json");
    EXPECT_EQ(row.d, 128);
    EXPECT_EQ(row.tokens, 160);
    EXPECT_EQ(row.seconds, 1.5);
    EXPECT_GT(row.lambda_v.value(), 0.0);
    EXPECT_TRUE(row.alignment.has_value());
}

TEST_F(Batch, OtherSettingsAreReadAnew) {
    const auto differs = [&](auto change) {
        ReadingSettings other = how_;
        change(other);
        return !kept_row(file_, entry_, batch_settings(other, {})).has_value();
    };
    EXPECT_FALSE(differs([](ReadingSettings& s) { s.threads = 7; }));  // changes no number
    EXPECT_FALSE(differs([](ReadingSettings& s) { s.memory_bytes = 1u << 30; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.seed = 1; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.input.tokens = 161; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.input.kind = InputKind::prompt; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.input.value = "x"; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.precisions = {Precision::f64}; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.inits.push_back(Init::random); }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.residual.tau = 20.0; }));
    EXPECT_TRUE(differs([](ReadingSettings& s) { s.alignment.dead_relative = 1e-5; }));
    BatchEntry another = entry_;
    another.model = "zoo:gpt-layernorm";
    EXPECT_FALSE(kept_row(file_, another, marks_).has_value());
}

TEST_F(Batch, OfInputFilesTheContentsCount) {
    const std::string a = (folder_ / "a").string(), b = (folder_ / "b").string();
    std::ofstream(a) << "same";
    std::ofstream(b) << "same";
    EXPECT_EQ(batch_settings(how_, {a}), batch_settings(how_, {b}));
    std::ofstream(b) << "not the same";
    EXPECT_NE(batch_settings(how_, {a}), batch_settings(how_, {b}));
    EXPECT_NE(batch_settings(how_, {a}), batch_settings(how_, {a, a}));
}

TEST_F(Batch, WhatIsNotAWholeReportIsReadAnew) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, text_.size() / 2, text_.size() - 3}) {
        write(text_.substr(0, length));
        EXPECT_FALSE(kept()) << length;
    }
    for (const char* text : {"{}", "[]", "null", "{\"schema\": \"deadscope.report/1\"}",
                             "{\"schema\": \"deadscope.report/1\", \"batch\": 3}"}) {
        write(text);
        EXPECT_FALSE(kept()) << text;
    }
    write(text_);
    EXPECT_TRUE(kept());
    fs::remove(file_);
    EXPECT_FALSE(kept());
}

TEST_F(Batch, ACheckpointThatChangedIsReadAnew) {
    const std::string model = (folder_ / "model").string();
    fs::copy(fs::path(DEADSCOPE_SOURCE_DIR) / "assets/models/gpt-planted", model,
             fs::copy_options::recursive);
    for (const auto& part : fs::recursive_directory_iterator(model)) {
        if (!part.is_regular_file() || part.path().extension() != ".safetensors") continue;
        entry_.model = part.path().string();
        break;
    }
    write(batch_report(analyze(entry_.model, how_).value(), entry_, marks_, 1.0));
    EXPECT_TRUE(kept());
    fs::last_write_time(entry_.model, fs::last_write_time(file_) + std::chrono::seconds(2));
    EXPECT_FALSE(kept());
    fs::remove_all(model);  // read and cleared away: the report stays
    EXPECT_TRUE(kept());
}

TEST_F(Batch, FilesOfAnotherKindAreNotOverwritten) {
    const std::string other = (folder_ / "config.json").string();
    std::ofstream(other) << "{\"model_type\": \"gpt2\"}";
    EXPECT_THROW(refuse_foreign_file(other), Error);
    EXPECT_THROW(refuse_foreign_summary(other), Error);
    EXPECT_NO_THROW(refuse_foreign_file(file_));
    EXPECT_NO_THROW(refuse_foreign_file((folder_ / "nothing").string()));
    std::ofstream(other) << summary_csv({});
    EXPECT_NO_THROW(refuse_foreign_summary(other));
    EXPECT_THROW(refuse_foreign_file(other), Error);
}

TEST_F(Batch, TheSummaryIsQuoted) {
    BatchRow row{.status = BatchRow::Status::failed, .model = "a,\"b\"\nc"};
    row.reason = "no \"such\" file";
    const std::string csv = summary_csv({kept_row(file_, entry_, marks_).value(), row});
    EXPECT_THAT(csv, testing::HasSubstr("\"zoo:gpt-planted\",kept,"));
    EXPECT_THAT(csv,
                testing::HasSubstr("\"a,\"\"b\"\"\\nc\",failed,,,,,0,\"\",\"no \"\"such\"\" file\"\r\n"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
}

}  // namespace
}  // namespace deadscope

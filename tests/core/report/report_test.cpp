// The report against its schema (tests/golden/report.schema.json) by a checker of the few rules that it uses,
// with a control that must fail; names that are not UTF-8; numbers that do not exist; numbers in words.
#include "core/report/report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/reading/analyze.h"
#include "tests/core/report/schema_check.h"

namespace deadscope {
namespace {

using nlohmann::json;

json schema() {
    return json::parse(std::ifstream(std::string(DEADSCOPE_GOLDEN_DIR) + "/report.schema.json"));
}

Reading reading(const std::string& model, std::size_t tokens, bool both = true) {
    ReadingSettings settings;
    settings.input.tokens = tokens;
    settings.precisions = {Precision::f32};
    if (both) settings.inits = {Init::trained, Init::random};
    return analyze(model, settings).value();
}

json parsed(const Reading& of) {
    return json::parse(dump_json(report_json(of)));
}

TEST(Report, KeepsItsSchema) {
    for (const char* model : {"zoo:gpt-layernorm", "zoo:gpt-rmsnorm", "zoo:gpt-planted", "zoo:vit-layernorm"})
        for (const std::size_t tokens : {20, 300}) {
            const auto faults = test::schema_faults(schema(), parsed(reading(model, tokens)));
            EXPECT_TRUE(faults.empty()) << model << ": " << faults.front();
        }
}

TEST(Report, TheSchemaCheckSeesWhatIsWrong) {
    const json good = parsed(reading("zoo:gpt-layernorm", 300, false));
    const auto wrong = [&](const auto& change) {
        json bad = good;
        change(bad);
        return !test::schema_faults(schema(), bad).empty();
    };
    EXPECT_TRUE(wrong([](json& r) { r.erase("lambda_v"); }));
    EXPECT_TRUE(wrong([](json& r) { r["schema"] = "deadscope.report/2"; }));
    EXPECT_TRUE(wrong([](json& r) { r["runs"][0]["blocks"][0]["flag"] = "no"; }));
    EXPECT_TRUE(wrong([](json& r) { r["runs"][0]["lambda_max"] = -1.0; }));
    EXPECT_TRUE(wrong([](json& r) { r["warnings"] = json::array({1}); }));
    EXPECT_FALSE(wrong([](json& r) { r["another"] = 1; })) << "keys may be added";
}

TEST(Report, TheTopLevelIsTheFirstRun) {
    const json report = parsed(reading("zoo:gpt-layernorm", 300));
    ASSERT_EQ(report["runs"].size(), 2u);
    for (const char* key : {"alignment", "lambda_v", "lambda_min", "lambda_max", "final", "blocks"})
        EXPECT_EQ(report[key], report["runs"][0][key]) << key;
    EXPECT_EQ(report["norm"]["declared"], "LayerNorm");
    EXPECT_EQ(report["norm"]["from_activations"], "LayerNorm");
    EXPECT_TRUE(report["norm"]["from_parameters"].is_null());
    EXPECT_EQ(report["runs"][1]["init_source"], "step 0 snapshot");
    EXPECT_EQ(report["prediction"]["kernel_dimension"], 1);
    EXPECT_FALSE(report["prediction"].contains("kernel"));
    EXPECT_EQ(report["input"]["tokens"], 300);
}

TEST(Report, WhatDoesNotExistIsNull) {
    const json report = parsed(reading("zoo:gpt-layernorm", 20, false));
    EXPECT_TRUE(report["alignment"].is_null());
    EXPECT_TRUE(report["runs"][0]["blocks"][1]["ratio"].is_null());
    Reading broken = reading("zoo:gpt-layernorm", 300, false);
    broken.runs[0].lambda_min = std::numeric_limits<double>::quiet_NaN();
    broken.runs[0].lambda_max = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(parsed(broken)["lambda_min"].is_null());
    EXPECT_TRUE(parsed(broken)["lambda_max"].is_null());
}

TEST(Report, NumbersRoundTrip) {
    const Reading one = reading("zoo:gpt-layernorm", 300, false);
    const json report = parsed(one);
    EXPECT_EQ(report["lambda_v"].get<double>(), one.runs[0].lambda_v);
    EXPECT_EQ(report["final"]["singular_values"].get<std::vector<double>>(), one.runs[0].singular_values);
}

TEST(Report, NamesThatAreNotUtf8StayValidJson) {
    Reading one = reading("zoo:gpt-layernorm", 20, false);
    one.gamma.model.source = "/data/\xff\xfe model";
    one.gamma.norms[0].spec.name = "ln\xc3";
    one.warnings.push_back("\x80");
    EXPECT_NO_THROW(parsed(one));
    EXPECT_NO_THROW(json::parse(dump_json(gamma_json(one.gamma))));
}

TEST(Report, AKernelOfSeveralDimensionsListsItsBasis) {
    GammaReading gamma;
    gamma.prediction = predict_kernel(NormKind::layer_norm, std::vector<double>{0.0, 1.0, 0.0});
    const json prediction = json::parse(dump_json(gamma_json(gamma)))["prediction"];
    EXPECT_EQ(prediction["kernel_dimension"], 2);
    EXPECT_EQ(prediction["kernel"], json::parse("[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]"));
}

TEST(GammaReport, HoldsWholeValues) {
    const GammaReading gamma = read_gamma(open_checkpoint("zoo:gpt-layernorm"));
    const json report = json::parse(dump_json(gamma_json(gamma)));
    ASSERT_EQ(report["norms"].size(), gamma.norms.size());
    for (std::size_t i = 0; i < gamma.norms.size(); ++i)
        EXPECT_EQ(report["norms"][i]["values"].get<std::vector<double>>(), gamma.norms[i].parameters.gamma);
    EXPECT_EQ(report["model"]["d_model"], 128);
}

TEST(Words, Numbers) {
    EXPECT_EQ(number_text(0.2041), "0.2041");
    EXPECT_EQ(number_text(2.5e-15), "2.500e-15");
    EXPECT_EQ(number_text(-123.456), "-123.5");
    EXPECT_EQ(number_text(9999.4), "9999");
    EXPECT_EQ(number_text(12345.0), "1.234e+04");
    EXPECT_EQ(number_text(0.0), "0");
    EXPECT_EQ(number_text(1e-4), "0.0001000");
    EXPECT_EQ(number_text(0.05), "0.05000");
    EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "—");
    EXPECT_EQ(alignment_text(0.99999949), "0.999999");
    EXPECT_EQ(bytes_text(87'300'000), "87.3 MB");
    EXPECT_EQ(bytes_text(12), "12 B");
    EXPECT_EQ(bytes_text(999'999), "1.0 MB");
    EXPECT_EQ(count_text(22'700'000), "22.7 M");
    EXPECT_EQ(count_text(393'000), "393 k");
    EXPECT_EQ(count_text(7), "7");
    EXPECT_EQ(counted(1, "block"), "1 block");
    EXPECT_EQ(counted(2, "block"), "2 blocks");
}

}  // namespace
}  // namespace deadscope

// Inverse frequencies against those that transformers 5.23 computes (in float32: seven digits).
#include "core/model/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/model/architecture_file.h"

namespace deadscope {
namespace {

std::vector<double> frequencies(const nlohmann::json& config, std::int64_t head_dim,
                                const std::string& family = "llama") {
    const auto file = find_architecture(family);
    const Architecture architecture = parse_architecture(*file->json, file->file);
    const ConfigValues values(JsonObject(config, "config.json"), architecture);
    RotaryInput input;
    input.head_dim = head_dim;
    input.context = 128;
    return make_rotary(values, *architecture.block.attention.rotary, input).spec.inverse_frequencies;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 1e-6 * std::abs(expected[i])) << i;
}

const std::vector<double> plain{1.0, 0.21544345, 0.046415884, 0.0099999998, 0.0021544343, 0.00046415895};
const std::vector<double> linear{0.40000001,   0.086177379,   0.018566353,
                                 0.0039999997, 0.00086177373, 0.00018566358};
const std::vector<double> llama3{1.0, 0.32083628, 0.040422834, 0.01118034, 0.0039685024, 0.0014086348};

TEST(Rotary, DefaultInEverySpelling) {
    expect_near(frequencies({{"rope_theta", 10000.0}}, 12), plain);
    expect_near(frequencies({{"rope_theta", 10000}, {"rope_scaling", nullptr}}, 12), plain);
    expect_near(frequencies({{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 10000.0}}}}, 12),
                plain);
    expect_near(frequencies(nlohmann::json::object(), 12), plain);
    expect_near(frequencies({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.5}}}}, 12),
                plain);  // within the context
}

TEST(Rotary, Linear) {
    expect_near(
        frequencies({{"rope_theta", 10000.0}, {"rope_scaling", {{"type", "linear"}, {"factor", 2.5}}}}, 12),
        linear);
}

TEST(Rotary, Llama3KeepsBlendsAndSlows) {
    nlohmann::json rope = {{"rope_type", "llama3"},
                           {"factor", 4.0},
                           {"low_freq_factor", 1.0},
                           {"high_freq_factor", 4.0},
                           {"original_max_position_embeddings", 64}};
    expect_near(frequencies({{"rope_theta", 500.0}, {"rope_scaling", rope}}, 12), llama3);
    rope["rope_theta"] = 500.0;
    expect_near(frequencies({{"rope_parameters", rope}}, 12), llama3);
}

TEST(Rotary, AFractionOfTheHeadIsRotated) {
    const std::vector<double> expected{1.0, 0.01};
    expect_near(frequencies({{"rope_theta", 10000.0}, {"partial_rotary_factor", 0.5}}, 8, "stablelm"),
                expected);
    expect_near(frequencies({{"rope_parameters", {{"rope_theta", 10000.0}, {"partial_rotary_factor", 0.5}}}},
                            8, "stablelm"),
                expected);
    expect_near(frequencies({{"rope_theta", 10000.0}}, 16, "stablelm"),
                expected);  // the published default, a quarter
}

// tests/golden/rotary/make_rotary.py wrote what transformers' ROPE_INIT_FUNCTIONS give, in float32.
TEST(Rotary, EveryRuleAsTransformersComputesIt) {
    std::ifstream file(std::string(DEADSCOPE_GOLDEN_DIR) + "/rotary/rotary.json");
    const nlohmann::json cases = nlohmann::json::parse(file);
    ASSERT_GE(cases.size(), 15u);
    const auto llama = find_architecture("llama");
    const Architecture architecture = parse_architecture(*llama->json, llama->file);
    RotaryData data = *architecture.block.attention.rotary;
    data.fraction = 1.0;  // the rule's own fraction counts
    RotaryInput input;
    input.head_dim = 12;
    input.context = 128;
    for (const nlohmann::json& golden : cases) {
        SCOPED_TRACE(golden.at("name").get<std::string>());
        nlohmann::json config = golden.at("config");
        const auto check = [&] {
            const ConfigValues values(JsonObject(config, "config.json"), architecture);
            const RotarySpec spec = make_rotary(values, data, input).spec;
            expect_near(spec.inverse_frequencies, golden.at("frequencies"));
            EXPECT_NEAR(spec.attention_factor, golden.at("attention_factor").get<double>(), 1e-12);
            if (golden.contains("long_frequencies")) {
                expect_near(spec.long_inverse_frequencies, golden.at("long_frequencies"));
                EXPECT_EQ(spec.long_beyond, 32);
            }
        };
        check();
        // The published spelling: the same object as rope_scaling, with theta beside it.
        nlohmann::json rope = config["rope_parameters"];
        config.erase("rope_parameters");
        config["rope_theta"] = rope["rope_theta"];
        rope.erase("rope_theta");
        rope["type"] = rope["rope_type"];
        rope.erase("rope_type");
        config["rope_scaling"] = rope;
        check();
    }
}

TEST(Rotary, ByNumberOfChannelsAndAnOddFraction) {
    const auto llama = find_architecture("llama");
    const Architecture architecture = parse_architecture(*llama->json, llama->file);
    const nlohmann::json config = {{"rope_theta", 100.0}};
    const ConfigValues values(JsonObject(config, "config.json"), architecture);
    RotaryData data = *architecture.block.attention.rotary;
    RotaryInput input;
    input.head_dim = 8;
    data.dims = 4.0;
    expect_near(make_rotary(values, data, input).spec.inverse_frequencies, {1.0, 0.1});
    data.dims = {};
    data.fraction = 0.4;  // three channels: two pairs of frequencies by thirds, as transformers rounds up
    const RotarySpec odd = make_rotary(values, data, input).spec;
    EXPECT_EQ(odd.dims, 4);
    expect_near(odd.inverse_frequencies, {1.0, std::pow(100.0, -2.0 / 3.0)});
    data.fraction = {};
    input.divisors = {1.0, 2.0, 4.0, 8.0};
    EXPECT_DOUBLE_EQ(make_rotary(values, data, input).spec.inverse_frequencies[3],
                     std::pow(100.0, -0.75) / 8.0);
    input.divisors = {1.0, 2.0};
    EXPECT_THROW(make_rotary(values, data, input), Error);
}

// Gemma 3's two kinds of blocks: the rule's object has one entry for each, and the family says where to look.
TEST(Rotary, ParametersOfEachKindOfBlock) {
    const auto llama = find_architecture("llama");
    const Architecture architecture = parse_architecture(*llama->json, llama->file);
    RotaryData data = *architecture.block.attention.rotary;
    data.theta = {};
    RotaryInput input;
    input.head_dim = 4;
    const auto second = [&](const nlohmann::json& config) {
        const ConfigValues values(JsonObject(config, "config.json"), architecture);
        return make_rotary(values, data, input).spec.inverse_frequencies[1];
    };
    data.theta = 10000.0;
    data.parameters = {"rope_parameters.sliding", "rope_scaling"};
    const nlohmann::json halved = {{"rope_type", "linear"}, {"factor", 2.0}};
    EXPECT_DOUBLE_EQ(second({{"rope_parameters", {{"sliding", halved}, {"full", {{"rope_theta", 4.0}}}}}}),
                     0.005);
    EXPECT_DOUBLE_EQ(second({{"rope_parameters", {{"full", halved}}}}), 0.01);
    EXPECT_DOUBLE_EQ(second({{"rope_scaling", halved}}), 0.005);
    data.parameters = {"rope_parameters.sliding"};
    EXPECT_DOUBLE_EQ(second({{"rope_scaling", halved}}), 0.01);
}

}  // namespace
}  // namespace deadscope

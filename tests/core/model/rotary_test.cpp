// Inverse frequencies against those that transformers 5.23 computes (in float32: seven digits).
#include "core/model/rotary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/model/architecture_file.h"

namespace deadscope {
namespace {

std::vector<double> frequencies(const nlohmann::json& config, std::int64_t head_dim,
                                const std::string& family = "llama") {
    const auto file = find_architecture(family);
    const Architecture architecture = parse_architecture(*file->json, file->file);
    const ConfigValues values(JsonObject(config, "config.json"), architecture);
    return make_rotary(values, *architecture.block.attention.rotary, {.head_dim = head_dim, .context = 128})
        .spec.inverse_frequencies;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 1e-6 * expected[i]) << i;
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

}  // namespace
}  // namespace deadscope

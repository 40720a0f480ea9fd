// Readings of every golden model beside NumPy's on transformers' float64 activations: σ of every stream, the
// spectrum of the final norm, alignment, γ. In f64 to 1e-9 of the largest value, in f32 to 2e-4 (issue: the
// streams' own tolerance).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/reading/analyze.h"

namespace deadscope {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> golden_models() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(DEADSCOPE_GOLDEN_DIR))
        if (fs::exists(entry.path() / "golden.json") && fs::exists(entry.path() / "model"))
            out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
}

class GoldenReading : public testing::TestWithParam<std::string> {
protected:
    fs::path folder() const { return fs::path(DEADSCOPE_GOLDEN_DIR) / GetParam(); }
    json golden() const { return json::parse(std::ifstream(folder() / "golden.json")); }
    ReadingSettings settings(Precision precision) const {
        ReadingSettings out;
        out.precisions = {precision};
        const bool pictures = fs::exists(folder() / "pixels.npy");
        out.input.kind = pictures ? InputKind::pixels : InputKind::tokens;
        out.input.value = (folder() / (pictures ? "pixels.npy" : "tokens.npy")).string();
        return out;
    }
};

INSTANTIATE_TEST_SUITE_P(Families, GoldenReading, testing::ValuesIn(golden_models()),
                         [](const auto& test) { return test.param; });

void expect_blocks(const Run& run, const json& golden, double tolerance) {
    ASSERT_EQ(run.blocks.size(), golden["blocks"].size());
    for (const BlockReading& block : run.blocks) {
        const json& expected = golden["blocks"][block.index];
        const double largest = expected["sigma_max"];
        const auto near = [&](double value, const char* key) {
            EXPECT_NEAR(value, expected[key].get<double>(), tolerance * largest)
                << key << " of stream " << block.index;
        };
        near(block.sigma_min, "sigma_min");
        near(block.sigma_max, "sigma_max");
        near(block.sigma_min_centred, "sigma_min_centred");
        near(block.sigma_max_centred, "sigma_max_centred");
        EXPECT_FALSE(block.flag && block.ratio.value() >= 0.1);
    }
}

void expect_final(const Run& run, const json& golden, double tolerance) {
    const auto expected = golden["final"]["singular_values"].get<std::vector<double>>();
    ASSERT_EQ(run.singular_values.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(run.singular_values[i], expected[i], tolerance * expected[0]) << "singular value " << i;
    EXPECT_NEAR(run.lambda_max, golden["lambda_max"].get<double>(), 2.0 * tolerance * run.lambda_max);
    EXPECT_NEAR(run.lambda_mean, golden["lambda_mean"].get<double>(), 2.0 * tolerance * run.lambda_mean);
    EXPECT_EQ(run.alignment.dead_directions, golden["dead_directions"].get<std::size_t>());
    EXPECT_EQ(run.prediction.dimension, golden["prediction"]["kernel_dimension"].get<std::size_t>());
    const auto v = golden["prediction"]["v"].get<std::vector<double>>();
    for (std::size_t i = 0; i < v.size(); ++i)
        EXPECT_NEAR(run.prediction.v[i], v[i], 1e-14) << "v, channel " << i;
    if (run.alignment.well_determined && !golden["alignment"].is_null()) {
        EXPECT_NEAR(run.alignment.value.value(), golden["alignment"].get<double>(), 100.0 * tolerance);
    }
    if (!golden["alignment_subspace"].is_null()) {
        EXPECT_NEAR(run.alignment.subspace.value(), golden["alignment_subspace"].get<double>(), tolerance);
    }
    if (run.norm_kind == NormKind::layer_norm) {
        EXPECT_EQ(verdict(run), Verdict::kernel);
    } else {
        EXPECT_EQ(verdict(run), Verdict::no_kernel);
        EXPECT_NEAR(run.lambda_v, golden["lambda_v"].get<double>(), 10.0 * tolerance * run.lambda_max);
    }
}

TEST_P(GoldenReading, EqualsNumPy) {
    const json expected = golden();
    for (const auto& [precision, tolerance] :
         {std::pair{Precision::f64, 1e-9}, std::pair{Precision::f32, 2e-4}}) {
        SCOPED_TRACE(precision_name(precision));
        const auto reading = analyze((folder() / "model").string(), settings(precision));
        ASSERT_TRUE(reading.has_value());
        ASSERT_EQ(reading->runs.size(), 1u);
        EXPECT_EQ(reading->input.tokens, expected["tokens"].get<std::size_t>());
        EXPECT_EQ(reading->input.sequences, expected["sequences"].get<std::size_t>());
        expect_blocks(reading->runs[0], expected, tolerance);
        expect_final(reading->runs[0], expected, tolerance);
    }
}

TEST_P(GoldenReading, GammaEqualsNumPy) {
    const json expected = golden();
    const GammaReading gamma = read_gamma(open_checkpoint((folder() / "model").string()));
    EXPECT_TRUE(gamma.model.forward_supported) << gamma.model.forward_error;
    std::vector<NormReading> norms =
        gamma.norms;  // without those of a head that the golden's forward pass leaves out
    std::erase_if(norms, [](const NormReading& norm) { return norm.spec.role == NormRole::head; });
    ASSERT_EQ(norms.size(), expected["norms"].size());
    for (std::size_t i = 0; i < norms.size(); ++i) {
        const NormReading& norm = norms[i];
        const json& golden_norm = expected["norms"][i];
        EXPECT_EQ(norm.spec.name, golden_norm["name"].get<std::string>());
        EXPECT_EQ(norm_kind_name(norm.spec.kind), golden_norm["kind"].get<std::string>());
        EXPECT_EQ(norm.beta.has_value(), !golden_norm["beta"].is_null());
        for (const auto& [value, key] : {std::pair{norm.gamma.min, "min"}, std::pair{norm.gamma.max, "max"},
                                         std::pair{norm.gamma.mean, "mean"}, std::pair{norm.gamma.l2, "l2"}})
            EXPECT_NEAR(value, golden_norm["gamma"][key].get<double>(), 1e-12)
                << norm.spec.name << " " << key;
        EXPECT_EQ(norm.gamma.zeros, golden_norm["gamma"]["zeros"].get<std::size_t>());
        EXPECT_EQ(norm.gamma.negatives, golden_norm["gamma"]["negatives"].get<std::size_t>());
    }
}

}  // namespace
}  // namespace deadscope

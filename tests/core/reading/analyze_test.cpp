// Whole readings of built-in models: the theorem holds and fails where it should, the plant is flagged and
// nothing else; cancellation at every moment, one rising progress, partial readings that grow, bounds on
// memory, refused settings.
#include "core/reading/analyze.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "core/base/error.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/safetensors_writer.h"

namespace deadscope {
namespace {

ReadingSettings settings(std::size_t tokens, std::vector<Precision> precisions = {Precision::f64}) {
    ReadingSettings out;
    out.input.tokens = tokens;
    out.precisions = std::move(precisions);
    return out;
}

Reading read(const std::string& model, const ReadingSettings& how) {
    auto reading = analyze(model, how);
    EXPECT_TRUE(reading.has_value());
    return std::move(reading.value());
}

std::vector<std::size_t> flagged(const deadscope::Run& run) {
    std::vector<std::size_t> out;
    for (const BlockReading& block : run.blocks)
        if (block.flag) out.push_back(block.index);
    return out;
}

std::string text_of(const Reading& reading) {
    std::string out = headline(reading);
    for (const Finding& finding : findings(reading))
        out += "\n" + finding.title + ": " + finding.value + " " + finding.reason;
    return out;
}

TEST(Analyze, LayerNormKeepsTheKernelAtBothEndsInBothPrecisions) {
    ReadingSettings how = settings(512, {Precision::f64, Precision::f32});
    how.inits = {Init::trained, Init::random};
    const Reading reading = read("zoo:gpt-layernorm", how);
    ASSERT_EQ(reading.runs.size(), 4u);
    for (const deadscope::Run& run : reading.runs) {
        EXPECT_EQ(verdict(run), Verdict::kernel)
            << init_name(run.init) << " " << precision_name(run.precision);
        EXPECT_EQ(norm_from_activations(run), NormKind::layer_norm);
        EXPECT_GE(run.alignment.value.value(), 0.9999);
        EXPECT_TRUE(run.alignment.well_determined);
        EXPECT_TRUE(flagged(run).empty());
        EXPECT_EQ(run.alignment.dead_directions, 1u);
        EXPECT_EQ(run.init_source, run.init == Init::trained ? "checkpoint" : "step 0 snapshot");
        EXPECT_EQ(run.blocks.size(), 5u);
    }
    const std::string text = text_of(reading);
    EXPECT_NE(text.find("both are rounding"), std::string::npos) << text;
    EXPECT_NE(text.find("Precision ladder"), std::string::npos);
    EXPECT_EQ(text.find("nan"), std::string::npos);
    EXPECT_EQ(text.find("inf "), std::string::npos);
    EXPECT_TRUE(reading.warnings.empty()) << reading.warnings.front();
}

TEST(Analyze, RmsNormHasNoKernel) {
    const Reading reading = read("zoo:gpt-rmsnorm", settings(512, {Precision::f64, Precision::f32}));
    for (const deadscope::Run& run : reading.runs) {
        EXPECT_EQ(verdict(run), Verdict::no_kernel);
        EXPECT_EQ(norm_from_activations(run), NormKind::rms_norm);
        EXPECT_LT(run.alignment.value.value(), 0.9);
        EXPECT_TRUE(flagged(run).empty());
    }
    EXPECT_NE(headline(reading).find("No kernel"), std::string::npos);
}

TEST(Analyze, ThePlantedBlockIsFlaggedAndNoOther) {
    const auto& zoo = zoo_models();
    const auto planted = std::ranges::find(zoo, "gpt-planted", &ZooModel::name);
    ASSERT_NE(planted, zoo.end());
    ASSERT_TRUE(planted->planted_index.has_value());
    for (const std::uint64_t seed : {0, 1, 2}) {
        ReadingSettings how = settings(512, {Precision::f64, Precision::f32});
        how.input.seed = seed;
        const Reading reading = read("zoo:gpt-planted", how);
        for (const deadscope::Run& run : reading.runs) {
            EXPECT_EQ(flagged(run), std::vector<std::size_t>{*planted->planted_index});
            EXPECT_LT(run.blocks[*planted->planted_index].ratio.value(), 1.0 / 30.0);
            EXPECT_GE(run.blocks[*planted->planted_index].largest_channels.size(), 1u);
        }
        EXPECT_NE(residual_headline(reading.runs[0]).find("3 of 4 blocks"), std::string::npos);
    }
}

TEST(Analyze, PicturesWorkToo) {
    const Reading reading = read("zoo:vit-layernorm", settings(300));
    EXPECT_EQ(reading.input.kind, "random pixels");
    EXPECT_EQ(reading.input.tokens % reading.input.sequences, 0u);
    EXPECT_GE(reading.input.tokens, 300u);
    EXPECT_EQ(verdict(reading.runs[0]), Verdict::kernel);
    EXPECT_GE(reading.runs[0].alignment.value.value(), 0.9999);
}

// A post-norm encoder at initialisation (γ = 1, β = 0): every stream is a LayerNorm's output without a mean,
// so its smallest σ is rounding, of the values and of the mean taken off. A ratio of two of them is no ratio
// (math.md §4).
TEST(Analyze, RatiosOfRoundingAreNoRatios) {
    ReadingSettings settings;
    settings.input.tokens = 96;
    settings.inits = {Init::random};
    settings.precisions = {Precision::f64, Precision::f32};
    const auto reading = analyze(std::string(DEADSCOPE_GOLDEN_DIR) + "/bert/model", settings);
    ASSERT_TRUE(reading);
    for (const deadscope::Run& run : reading->runs) {
        ASSERT_EQ(run.blocks.size(), 3u);
        for (const BlockReading& block : run.blocks) {
            EXPECT_LE(block.sigma_min * block.sigma_min, kFloorMargin * block.floor * block.floor)
                << block.index;
            EXPECT_FALSE(block.ratio) << block.index;
            EXPECT_FALSE(block.flag) << block.index;
        }
    }
    // The control: the trained weights have a mean, and so ratios.
    settings.inits = {Init::trained};
    EXPECT_TRUE(
        analyze(std::string(DEADSCOPE_GOLDEN_DIR) + "/bert/model", settings)->runs[0].blocks[1].ratio);
}

TEST(Analyze, TooFewTokensIsNoErrorAndSaysWhatItTakes) {
    const Reading reading = read("zoo:gpt-layernorm", settings(100));
    const deadscope::Run& run = reading.runs[0];
    EXPECT_FALSE(run.alignment.value.has_value());
    EXPECT_EQ(verdict(run), Verdict::kernel) << "λ_v does not need u_d";
    ASSERT_EQ(reading.warnings.size(), 1u);
    EXPECT_NE(reading.warnings[0].find("129"), std::string::npos) << reading.warnings[0];
    for (const BlockReading& block : run.blocks) {
        EXPECT_TRUE(block.rank_deficient);
        EXPECT_FALSE(block.ratio.has_value());
        EXPECT_FALSE(block.flag);
    }
    EXPECT_NE(alignment_headline(run).find("100 of the 129"), std::string::npos);
    const Reading one = read("zoo:gpt-layernorm", settings(1));
    EXPECT_EQ(verdict(one.runs[0]), Verdict::undecided);
}

TEST(Analyze, TextWithFewDistinctBytesLeavesTheFirstStreamOut) {
    ReadingSettings how = settings(0);
    how.input = {.kind = InputKind::text, .value = {}, .tokens = {}, .seed = 0};
    const Reading reading = read("zoo:gpt-layernorm", how);
    EXPECT_TRUE(reading.runs[0].blocks[0].rank_deficient);
    EXPECT_FALSE(reading.runs[0].blocks[1].ratio.has_value());
    EXPECT_TRUE(reading.runs[0].blocks[2].ratio.has_value());
    EXPECT_GT(reading.runs[0].alignment.value.value(), 0.9999);
}

TEST(Analyze, ProgressRisesOverAllRunsAndPartialReadingsGrow) {
    ReadingSettings how = settings(256, {Precision::f32, Precision::f64});
    how.inits = {Init::trained, Init::random};
    double last = 0.0;
    std::size_t partials = 0, blocks = 0, runs = 0;
    const auto reading = analyze(
        "zoo:gpt-layernorm", how,
        [&](const ProgressUpdate& update) {
            EXPECT_GE(update.fraction, last);
            EXPECT_LE(update.fraction, 1.0);
            EXPECT_EQ(update.tokens, 256u);
            EXPECT_FALSE(update.phase.empty());
            last = update.fraction;
            return true;
        },
        [&](const Reading& partial) {
            ++partials;
            if (partial.runs.size() > runs) blocks = 0;
            runs = partial.runs.size();
            EXPECT_GE(partial.runs.back().blocks.size(), blocks);
            blocks = partial.runs.back().blocks.size();
            EXPECT_FALSE(findings(partial).empty() && partial.runs.front().complete);
            EXPECT_FALSE(residual_headline(partial.runs.back()).empty());
        });
    ASSERT_TRUE(reading.has_value());
    EXPECT_EQ(last, 1.0);
    EXPECT_EQ(partials, 4u * (5u + 1u));
}

TEST(Analyze, CancelledAtAnyStepReturnsNothing) {
    const ReadingSettings how = settings(200, {Precision::f32});
    int steps = 0;
    ASSERT_TRUE(
        analyze("zoo:gpt-layernorm", how, [&](const ProgressUpdate&) { return ++steps > 0; }).has_value());
    EXPECT_GT(steps, 30);
    for (int stop = 2; stop <= steps; stop += 3) {
        int seen = 0;
        EXPECT_FALSE(analyze("zoo:gpt-layernorm", how, [&](const ProgressUpdate&) { return ++seen < stop; })
                         .has_value())
            << "stopped at step " << stop << " of " << steps;
        EXPECT_LE(seen, stop + 2) << "went on after it was told to stop";
    }
}

TEST(Analyze, TheSameSeedGivesTheSameReading) {
    ReadingSettings how = settings(300, {Precision::f32});
    how.inits = {Init::random};
    const Reading a = read("zoo:gpt-planted", how), b = read("zoo:gpt-planted", how);
    EXPECT_EQ(a.runs[0].init_source, "simulated twin");
    EXPECT_EQ(a.input.digest, b.input.digest);
    EXPECT_EQ(a.runs[0].lambda_v, b.runs[0].lambda_v);
    how.input.seed = how.seed = 5;
    const Reading c = read("zoo:gpt-planted", how);
    EXPECT_NE(a.input.digest, c.input.digest);
    EXPECT_NE(a.runs[0].lambda_v, c.runs[0].lambda_v);
}

TEST(Analyze, FactorsAreKeptWhileTheyFit) {
    ReadingSettings how = settings(200);
    const std::uint64_t each = 2u * 128u * 128u * sizeof(double);
    how.factor_bytes = 3 * each;
    const deadscope::Run run = read("zoo:gpt-layernorm", how).runs[0];
    ASSERT_EQ(run.stream_factors.size(), 5u);
    EXPECT_TRUE(run.stream_factors[2]);
    EXPECT_FALSE(run.stream_factors[3]);
    const auto values = singular_values(run.stream_factors[2]->uncentred, 128);
    EXPECT_NEAR(values.front(), run.blocks[2].sigma_max, 1e-10 * values.front());
    EXPECT_NEAR(values.back(), run.blocks[2].sigma_min, 1e-10 * values.front());
}

TEST(Analyze, AMemoryBoundIsKeptOrRefusedWithWhatItTakes) {
    ReadingSettings how = settings(4096);
    const Reading free = read("zoo:gpt-layernorm", how);
    how.memory_bytes = 16u << 20;
    const Reading bound = read("zoo:gpt-layernorm", how);
    EXPECT_NEAR(free.runs[0].lambda_max, bound.runs[0].lambda_max, 1e-9 * free.runs[0].lambda_max);
    how.memory_bytes = 1u << 20;
    try {
        analyze("zoo:gpt-layernorm", how);
        FAIL() << "1 MB is not enough";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::resource);
        EXPECT_NE(error.message().find("needed"), std::string::npos) << error.message();
    }
}

TEST(Analyze, WhatCannotBeDoneIsRefusedAsUsage) {
    const auto kind = [](const ReadingSettings& how) {
        try {
            analyze("zoo:gpt-layernorm", how);
        } catch (const Error& error) {
            return error.kind();
        }
        ADD_FAILURE() << "not refused";
        return ErrorKind::input;
    };
    ReadingSettings how = settings(64);
    how.device = "gpu";
    EXPECT_EQ(kind(how), ErrorKind::usage);
    how = settings(64, {});
    EXPECT_EQ(kind(how), ErrorKind::usage);
    how = settings(64);
    how.residual.tau = 0.0;
    EXPECT_EQ(kind(how), ErrorKind::usage);
    how = settings(0);
    EXPECT_EQ(kind(how), ErrorKind::usage);
}

TEST(Analyze, TheKernelFallsWithTheSquareOfTheRoundOffDownTheLadder) {
    const Reading reading =
        read("zoo:gpt-layernorm",
             settings(512, {Precision::f64, Precision::f32, Precision::f16, Precision::bf16}));
    ASSERT_EQ(reading.runs.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        const deadscope::Run& run = reading.runs[i];
        const double u = unit_roundoff(run.precision);
        EXPECT_EQ(verdict(run), Verdict::kernel) << precision_name(run.precision);
        // λ_v is a mean of squared roundings, each at most u of its value: the factor is the mantissas'.
        EXPECT_LT(run.lambda_v, 10.0 * u * u * run.lambda_max) << precision_name(run.precision);
        EXPECT_GT(run.lambda_v, 1e-3 * u * u * run.lambda_mean) << precision_name(run.precision);
        // What is not rounding is the same number in all of them, to the arithmetic's own error.
        EXPECT_NEAR(run.lambda_max, reading.runs[0].lambda_max,
                    16.0 * u * reading.runs[0].lambda_max + 1e-12);
    }
}

TEST(Verdict, RestsOnTheFloor) {
    deadscope::Run run;
    run.complete = true;
    run.tokens = 100;
    run.lambda_max = run.lambda_mean = 1.0;
    run.floor.output_rounding = 1e-15;
    const auto with = [&](double lambda) {
        run.lambda_v = lambda;
        return verdict(run);
    };
    EXPECT_EQ(with(0.0), Verdict::kernel);
    EXPECT_EQ(with(9e-15), Verdict::kernel);
    EXPECT_EQ(with(2e-14), Verdict::undecided);
    EXPECT_EQ(with(2e-12), Verdict::no_kernel);
    run.floor.mean_rounding = 0.1;
    EXPECT_EQ(with(1e-3), Verdict::undecided) << "a floor this high hides everything";
    run.floor.mean_rounding = 0.0;
    run.prediction.zeros = 1;
    EXPECT_EQ(with(0.0), Verdict::kernel);
    EXPECT_EQ(norm_from_activations(run), NormKind::unknown) << "γ alone makes the kernel";
    run.complete = false;
    EXPECT_EQ(verdict(run), Verdict::undecided);
}

// 40,000 and 40,000 are numbers of f16, their sum is none; bf16 goes on to 3e38.
TEST(Analyze, AStreamBeyondF16IsRefusedWithWhatToDo) {
    fixtures::ModelFiles model = fixtures::tiny_gpt2();
    model.tensors["transformer.wte.weight"] = fixtures::constant({16, 8}, 40000);
    model.tensors["transformer.wpe.weight"] = fixtures::constant({12, 8}, 40000);
    model.tensors["transformer.wpe.weight"].values[3] = 39000;  // not all channels alike: a spectrum is there
    const fixtures::TemporaryFolder folder;
    const std::string path = model.write(folder / "model");
    ReadingSettings settings;
    settings.input.tokens = 24;
    settings.precisions = {Precision::f16};
    const std::string words = fixtures::error_of([&] { (void)analyze(path, settings); });
    EXPECT_NE(words.find("not finite in f16"), std::string::npos) << words;
    EXPECT_NE(words.find("65504"), std::string::npos) << words;
    EXPECT_NE(words.find("--precision"), std::string::npos) << words;
    settings.precisions = {Precision::bf16};
    EXPECT_TRUE(analyze(path, settings).has_value());
}

TEST(ReadGamma, AnUnknownFamilyStillHasItsGamma) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_checkpoint(folder / "model", R"({"model_type": "nobody_knows"})",
                               {{"layers.0.ln.weight", fixtures::ramp({6})},
                                {"final_norm.weight", fixtures::ramp({6}, 3)},
                                {"layers.0.w", fixtures::ramp({6, 6})}});
    const GammaReading gamma = read_gamma(open_checkpoint((folder / "model").string()));
    EXPECT_FALSE(gamma.model.forward_supported);
    EXPECT_NE(gamma.model.forward_error.find("nobody_knows"), std::string::npos);
    EXPECT_EQ(gamma.norms.size(), 2u);
    EXPECT_EQ(gamma.model.d_model, 6);
    EXPECT_EQ(gamma.prediction.v.size(), 6u);
    EXPECT_EQ(gamma.prediction.dimension, 0u) << "the kind is not known, so nothing is promised";
}

}  // namespace
}  // namespace deadscope

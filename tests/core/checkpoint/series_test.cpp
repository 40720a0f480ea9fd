// Snapshots of a run: by their names, on disk and among the built-in models.
#include "core/checkpoint/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/checkpoint/checkpoint.h"
#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::AllOf;
using testing::HasSubstr;

TEST(SnapshotNumber, KnowsThePublishedNames) {
    EXPECT_EQ(snapshot_number("step-512"), 512u);
    EXPECT_EQ(snapshot_number("step000100"), 100u);
    EXPECT_EQ(snapshot_number("step-001000-2BT"), 1000u);
    EXPECT_EQ(snapshot_number("checkpoint-40"), 40u);
    EXPECT_EQ(snapshot_number("run1_iter_7"), 7u);
    EXPECT_EQ(snapshot_number("step0"), 0u);
    EXPECT_EQ(snapshot_number("step-0000"), 0u);
    for (const char* none : {"gpt2", "footstep", "step", "doorstep7", "main", ""})
        EXPECT_FALSE(snapshot_number(none)) << none;
}

TEST(InitialSnapshot, IsTheNeighbourOfStep0WithTheSameConfiguration) {
    const fixtures::TemporaryFolder folder;
    auto model = fixtures::tiny_gpt2();
    const std::string last = model.write(folder / "step-40"), first = model.write(folder / "step-0");
    EXPECT_EQ(initial_snapshot_of(last), first);
    EXPECT_EQ(initial_snapshot_of(last + "/"), first);
    EXPECT_EQ(initial_snapshot_of(first), first);
    EXPECT_EQ(open_checkpoint(last).name(), folder.path().filename().string() + "/step-40");
    model.config["layer_norm_epsilon"] = 1e-3;
    model.write(folder / "step-0");
    EXPECT_EQ(initial_snapshot_of(last), std::nullopt);
    EXPECT_EQ(initial_snapshot_of(folder.path().string()), std::nullopt);
}

TEST(Zoo, EveryModelAndSnapshotOpensInPlace) {
    ASSERT_FALSE(zoo_models().empty());
    for (const ZooModel& model : zoo_models()) {
        for (const std::int64_t step : model.steps) {
            const std::string name = "zoo:" + model.name + "@" + std::to_string(step);
            const Checkpoint checkpoint = open_checkpoint(name);
            EXPECT_EQ(checkpoint.source(), name);
            EXPECT_GT(checkpoint.parameters(), 10000u) << name;
        }
        EXPECT_EQ(open_checkpoint("zoo:" + model.name).source(),
                  "zoo:" + model.name + "@" + std::to_string(model.steps.back()));
    }
}

TEST(Zoo, Step0IsTheInitialisation) {
    EXPECT_EQ(initial_snapshot_of("zoo:gpt-layernorm"), "zoo:gpt-layernorm@0");
    EXPECT_EQ(initial_snapshot_of("zoo:gpt-planted"), std::nullopt);
}

TEST(Zoo, UnknownNamesAndStepsListTheKnownOnes) {
    EXPECT_THAT(error_of([] { open_checkpoint("zoo:gpt-none"); }),
                AllOf(HasSubstr("zoo:gpt-none"), HasSubstr("zoo:gpt-layernorm")));
    EXPECT_THAT(error_of([] { open_checkpoint("zoo:gpt-layernorm@17"); }),
                AllOf(HasSubstr("17"), HasSubstr("one of 0")));
    EXPECT_THAT(error_of([] { open_checkpoint("zoo:gpt-layernorm@1x"); }), HasSubstr("1x"));
}

}  // namespace
}  // namespace deadscope

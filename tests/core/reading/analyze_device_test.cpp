// Whole readings on the CUDA backend, under tests/emulation: the numbers of the processor, smaller steps
// where the device has no room for the usual ones, then the processor, and an end at any moment.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/backend/cuda/module.h"
#include "core/backend/module_loader.h"
#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "core/reading/activations.h"
#include "core/reading/analyze.h"
#include "tests/emulation/emulation.h"

namespace deadscope {
namespace {

namespace emu = deadscope_emulation;

class AnalyzeDevice : public ::testing::Test {
protected:
    void SetUp() override {
        emu::reset();
        use_gpu_module(&cuda::gpu_module());
    }
    void TearDown() override {
        use_gpu_module(nullptr);
        emu::reset();
    }
    static ReadingSettings settings(const char* device, Precision precision = Precision::f64) {
        ReadingSettings out;
        out.input.tokens = 400;
        out.precisions = {precision};
        out.device = device;
        return out;
    }
    static Reading read(const ReadingSettings& how) {
        auto reading = analyze("zoo:gpt-layernorm", how);
        EXPECT_TRUE(reading.has_value());
        return std::move(reading.value());
    }
};

// To 1e-9 of the largest σ: the passes differ by the order of sums, in f64.
void expect_same(const Reading& ours, const Reading& expected) {
    ASSERT_EQ(ours.runs.size(), expected.runs.size());
    for (std::size_t r = 0; r < ours.runs.size(); ++r) {
        const deadscope::Run &a = ours.runs[r], &b = expected.runs[r];
        ASSERT_EQ(a.blocks.size(), b.blocks.size());
        for (std::size_t i = 0; i < a.blocks.size(); ++i) {
            const double scale = 1e-9 * b.blocks[i].sigma_max;
            EXPECT_NEAR(a.blocks[i].sigma_max, b.blocks[i].sigma_max, scale) << i;
            EXPECT_NEAR(a.blocks[i].sigma_min, b.blocks[i].sigma_min, scale) << i;
            EXPECT_NEAR(a.blocks[i].sigma_min_centred, b.blocks[i].sigma_min_centred, scale) << i;
            EXPECT_EQ(a.blocks[i].flag, b.blocks[i].flag) << i;
        }
        ASSERT_EQ(a.singular_values.size(), b.singular_values.size());
        for (std::size_t i = 0; i < a.singular_values.size(); ++i)
            EXPECT_NEAR(a.singular_values[i], b.singular_values[i], 1e-9 * b.singular_values[0]) << i;
        EXPECT_EQ(verdict(a), verdict(b));
        EXPECT_NEAR(a.alignment.value.value(), b.alignment.value.value(), 1e-6);
    }
}

TEST_F(AnalyzeDevice, MeasuresWhatTheProcessorMeasures) {
    const Reading there = read(settings("cuda:0"));
    EXPECT_EQ(there.backend, "cuda");
    expect_same(there, read(settings("cpu")));
    EXPECT_EQ(verdict(read(settings("cuda:0", Precision::f32)).runs[0]), Verdict::kernel);
}

// math.md §3: λ_v is rounding, so it falls with u²; u is 2^-8, 2^-11 and 2^-24. Of 16 bits only the result is
// rounded to them, of f32 every step on the way as well: four and more such shares.
TEST_F(AnalyzeDevice, TheLadderGoesDownToSixteenBits) {
    ReadingSettings how = settings("cuda:0");
    how.precisions = {Precision::bf16, Precision::f16, Precision::f32};
    const Reading reading = read(how);
    ASSERT_EQ(reading.runs.size(), 3u);
    for (const deadscope::Run& run : reading.runs) {
        EXPECT_LE(run.lambda_v, kFloorMargin * run.floor.total()) << precision_name(run.precision);
        EXPECT_GT(run.lambda_v, 0.0) << precision_name(run.precision);
    }
    for (const std::size_t i : {0u, 1u}) {
        const double steps =
            unit_roundoff(reading.runs[i].precision) / unit_roundoff(reading.runs[i + 1].precision);
        const double fall = reading.runs[i].lambda_v / reading.runs[i + 1].lambda_v;
        EXPECT_GT(fall, steps * steps / (i == 0 ? 4 : 32)) << i;
        EXPECT_LT(fall, steps * steps * 4) << i;
    }
}

TEST_F(AnalyzeDevice, TakesSmallerStepsWhereTheDeviceHasNoRoom) {
    const Reading expected = read(settings("cuda:0"));
    std::size_t calls = 0;
    const auto reading = analyze("zoo:gpt-layernorm", settings("cuda:0"), [&](const ProgressUpdate&) {
        if (++calls == 10) emu::limit_memory(1);  // until the first try failed
        if (calls > 10 && emu::counters().allocations == 0)
            emu::limit_memory(std::size_t{1} << 30);  // and is cleared away
        return true;
    });
    ASSERT_TRUE(reading.has_value());
    EXPECT_EQ(reading->backend, "cuda");
    ASSERT_EQ(reading->warnings.size(), expected.warnings.size() + 1);
    EXPECT_NE(reading->warnings.back().find("smaller"), std::string::npos) << reading->warnings.back();
    expect_same(*reading, expected);
}

TEST_F(AnalyzeDevice, MovesToTheProcessorWhereNothingFits) {
    const Reading expected = read(settings("cpu"));
    emu::limit_memory(1u << 20);
    const Reading moved = read(settings("cuda:0"));
    EXPECT_EQ(moved.backend, "cpu");
    ASSERT_EQ(moved.warnings.size(), expected.warnings.size() + 1);
    EXPECT_NE(moved.warnings.back().find("on the processor"), std::string::npos) << moved.warnings.back();
    expect_same(moved, expected);
}

TEST_F(AnalyzeDevice, TheStreamIsWrittenByTheProcessorWhereNothingFits) {
    const std::string out = testing::TempDir() + "no_room.safetensors";
    const auto written = write_activations("zoo:gpt-layernorm", settings("cuda:0"), out);
    ASSERT_TRUE(written.has_value());
    EXPECT_EQ(written->backend, "cuda");
    EXPECT_TRUE(written->runs.empty());
    emu::limit_memory(1u << 20);
    const auto moved = write_activations("zoo:gpt-layernorm", settings("cuda:0"), out);
    ASSERT_TRUE(moved.has_value());
    EXPECT_EQ(moved->backend, "cpu");
    EXPECT_NE(moved->warnings.back().find("on the processor"), std::string::npos);
    EXPECT_NE(open_checkpoint(out).find("blocks.0.hook_resid_post"), nullptr);
    std::filesystem::remove(out);
}

TEST_F(AnalyzeDevice, AFailureEndsTheReadingWithAnError) {
    emu::fail_next(emu::Call::launch, cudaErrorIllegalAddress, 60);
    try {
        analyze("zoo:gpt-layernorm", settings("cuda:0"));
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::resource);
    }
    emu::reset();
    EXPECT_EQ(read(settings("cuda:0")).backend, "cuda");
}

TEST_F(AnalyzeDevice, SeveralDevicesShareTheSequences) {
    emu::set_device_count(3);
    const Reading alone = read(settings("cuda:0"));
    for (const char* devices : {"cuda:0,cuda:1", "cuda:2,cuda:0", "auto"}) {
        const Reading shared = read(settings(devices));
        EXPECT_EQ(shared.ranks, std::string(devices) == "auto" ? 3 : 2) << devices;
        EXPECT_NE(shared.device.find(" more"), std::string::npos) << shared.device;
        EXPECT_EQ(shared.input.digest, alone.input.digest);
        expect_same(shared, alone);
    }
}

TEST_F(AnalyzeDevice, OneOfSeveralWithoutRoomLeavesTheWorkToTheFirst) {
    emu::set_device_count(2);
    const Reading expected = read(settings("cuda:0"));
    emu::limit_memory(1u << 20);
    const Reading moved = read(settings("cuda:0,cuda:1"));
    EXPECT_EQ(moved.ranks, 1);
    EXPECT_NE(moved.warnings.back().find("first of them alone"), std::string::npos) << moved.warnings.back();
    expect_same(moved, expected);
}

TEST_F(AnalyzeDevice, SeveralDevicesEndWhenTheyAreTold) {
    emu::set_device_count(2);
    for (const std::size_t stop : {0u, 5u, 40u}) {
        std::size_t at = 0;
        const auto reading = analyze("zoo:gpt-layernorm", settings("auto"),
                                     [&](const ProgressUpdate&) { return at++ < stop; });
        EXPECT_FALSE(reading.has_value());
        EXPECT_EQ(emu::counters().allocations, 0u);
    }
}

TEST_F(AnalyzeDevice, AListOfDevicesIsLookedAt) {
    emu::set_device_count(3);
    EXPECT_EQ(device_choices(), (std::vector<std::string>{"auto", "cpu", "cuda:0", "cuda:1", "cuda:2"}));
    EXPECT_EQ(devices_of("auto").size(), 3u);
    emu::set_device_count(0);
    EXPECT_EQ(device_choices(), (std::vector<std::string>{"auto", "cpu"}));
    EXPECT_EQ(devices_of("auto"), std::vector<std::string>{"cpu"});
    emu::set_device_count(2);
    for (const char* devices : {"cuda:0,cuda:0", "cuda:0,cpu", "cuda:0,", ",", "auto,cuda:0"})
        EXPECT_THROW(analyze("zoo:gpt-layernorm", settings(devices)), Error) << devices;
    EXPECT_THROW(analyze("zoo:gpt-layernorm", settings("cuda:0,cuda:7")), Error);
}

TEST_F(AnalyzeDevice, EndsWhenItIsTold) {
    for (const std::size_t stop : {0u, 5u, 40u, 90u}) {
        std::size_t at = 0;
        const auto reading = analyze("zoo:gpt-layernorm", settings("cuda:0"),
                                     [&](const ProgressUpdate&) { return at++ < stop; });
        EXPECT_FALSE(reading.has_value());
        EXPECT_EQ(emu::counters().allocations, 0u);  // nothing is left on the device
    }
}

}  // namespace
}  // namespace deadscope

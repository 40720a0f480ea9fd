// Whole readings as jobs, as the window has them: a worker computes with a pool of threads, another opens
// checkpoints meanwhile, and who waits takes over copies and cancels at random moments. For the thread
// sanitizer above all. The queue by itself is in jobs_test.cpp, cancellation at every step in
// analyze_test.cpp.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "core/jobs/jobs.h"
#include "core/reading/analyze.h"

namespace deadscope {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using SharedReading = std::shared_ptr<const Reading>;

ReadingSettings pass_settings() {
    ReadingSettings settings;
    settings.input.tokens = 192;
    settings.precisions = {Precision::f32, Precision::f64};
    settings.threads = 4;  // more than one pool thread, whatever the machine has
    return settings;
}

// What arrived of one pass; written by drain() only.
struct Arrived {
    SharedReading latest;
    std::size_t partials = 0;
    bool whole = false;
};

JobWork pass(const std::string& model, std::shared_ptr<Arrived> arrived) {
    return [model, arrived](JobContext& context) {
        const auto leave = [&](SharedReading reading, bool whole) {
            context.deliver([arrived, whole, reading = std::move(reading)] {
                arrived->latest = reading;
                arrived->whole = whole;
                if (!whole) ++arrived->partials;
            });
        };
        auto reading = analyze(model, pass_settings(), context.progress, [&](const Reading& so_far) {
            leave(std::make_shared<const Reading>(so_far), /*whole=*/false);
        });
        if (reading) leave(std::make_shared<const Reading>(std::move(*reading)), /*whole=*/true);
    };
}

JobState state_of(const JobQueue& queue, std::uint64_t id) {
    for (const JobStatus& status : queue.status())
        if (status.id == id) return status.state;
    ADD_FAILURE() << "no job " << id;
    return JobState::failed;
}

// The blocks that arrived are those of the undisturbed pass, up to a rounding (of σ_max: that is what the
// smallest is known to). The pass itself is the same to the last bit; how many threads LAPACK takes is not.
void expect_beginning_of(const Reading& reading, const Reading& undisturbed) {
    ASSERT_LE(reading.runs.size(), undisturbed.runs.size());
    for (std::size_t i = 0; i < reading.runs.size(); ++i) {
        const deadscope::Run &run = reading.runs[i], &same = undisturbed.runs[i];
        ASSERT_LE(run.blocks.size(), same.blocks.size());
        for (std::size_t b = 0; b < run.blocks.size(); ++b) {
            const double rounding = 1e-12 * same.blocks[b].sigma_max;
            EXPECT_NEAR(run.blocks[b].sigma_min, same.blocks[b].sigma_min, rounding) << i << ", block " << b;
            EXPECT_NEAR(run.blocks[b].sigma_max, same.blocks[b].sigma_max, rounding) << i << ", block " << b;
        }
        if (!run.complete) continue;
        EXPECT_NEAR(run.lambda_v, same.lambda_v, 1e-12 * same.lambda_max);
        EXPECT_NEAR(run.lambda_max, same.lambda_max, 1e-12 * same.lambda_max);
    }
}

// Draws until then, as a window would: takes over what has arrived and puts it into words.
void frames_until(JobQueue& queue, const Arrived& arrived, Clock::time_point end) {
    do {
        queue.drain();
        if (arrived.latest && !arrived.latest->runs.empty()) {
            EXPECT_FALSE(headline(*arrived.latest).empty());
            EXPECT_FALSE(residual_headline(arrived.latest->runs.back()).empty());
        }
        std::this_thread::sleep_for(1ms);
    } while (Clock::now() < end && !queue.idle());
}

TEST(AnalyzeOnWorker, CancelledAtRandomMomentsBesideOpenings) {
    const std::string model = "zoo:gpt-layernorm";
    JobQueue passes, openings;
    const auto undisturbed = std::make_shared<Arrived>();
    const auto start = Clock::now();
    passes.submit("pass", "", pass(model, undisturbed));
    passes.wait_idle();
    const auto length = Clock::now() - start;
    passes.drain();
    ASSERT_TRUE(undisturbed->whole);
    ASSERT_EQ(undisturbed->partials, 2u * (5u + 1u));

    std::mt19937 bits(11);
    std::size_t opened = 0;
    constexpr int rounds = 16;
    for (int round = 0; round < rounds; ++round) {
        const auto arrived = std::make_shared<Arrived>();
        const auto id = passes.submit("pass", "", pass(model, arrived));
        openings.submit("opening " + std::to_string(round), "", [&](JobContext& context) {
            const auto gamma = std::make_shared<const GammaReading>(read_gamma(open_checkpoint(model)));
            context.deliver([&opened, gamma] { opened += gamma->norms.empty() ? 0 : 1; });
        });
        frames_until(passes, *arrived, Clock::now() + length * (bits() % 1000) / 1000);
        const std::size_t before = arrived->partials;
        if (round % 2 == 0) {
            passes.cancel(id);
        } else {
            passes.submit("pass", "", [](JobContext&) {});  // a newer one stops it just as well
        }
        passes.wait_idle();
        passes.drain();
        openings.drain();
        const JobState state = state_of(passes, id);
        EXPECT_TRUE(state == JobState::cancelled || state == JobState::done);
        EXPECT_EQ(arrived->partials, before) << "delivered after it was cancelled";
        if (arrived->latest) expect_beginning_of(*arrived->latest, *undisturbed->latest);
    }
    openings.wait_idle();
    openings.drain();
    EXPECT_EQ(opened, static_cast<std::size_t>(rounds));
}

TEST(AnalyzeOnWorker, TwoQueuesReadAtOnceAsOneDoesAlone) {
    const auto alone = analyze("zoo:gpt-planted", pass_settings());
    ASSERT_TRUE(alone.has_value());
    const auto first = std::make_shared<Arrived>(), second = std::make_shared<Arrived>();
    JobQueue one, other;
    one.submit("pass", "", pass("zoo:gpt-planted", first));
    other.submit("pass", "", pass("zoo:gpt-planted", second));
    one.wait_idle();
    other.wait_idle();
    one.drain();
    other.drain();
    for (const auto& arrived : {first, second}) {
        ASSERT_TRUE(arrived->whole);
        ASSERT_EQ(arrived->latest->runs.size(), alone->runs.size());
        expect_beginning_of(*arrived->latest, *alone);
    }
}

TEST(AnalyzeOnWorker, LeavingDuringAPassStopsItAndDropsWhatItLeft) {
    std::mt19937 bits(12);
    for (int round = 0; round < 8; ++round) {
        const auto arrived = std::make_shared<Arrived>();
        {
            JobQueue queue;
            queue.submit("pass", "", pass("zoo:gpt-rmsnorm", arrived));
            std::this_thread::sleep_for(std::chrono::microseconds(bits() % 100000));
        }
        EXPECT_EQ(arrived.use_count(), 1) << "something still holds the pass";
        EXPECT_EQ(arrived->partials, 0u);
    }
}

}  // namespace
}  // namespace deadscope

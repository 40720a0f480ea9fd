// The queue: order, replacement by tag, cancellation at random moments, deliveries, errors as values.
#include "core/jobs/jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>

namespace deadscope {
namespace {

using namespace std::chrono_literals;

JobStatus find(const JobQueue& queue, std::uint64_t id) {
    for (const JobStatus& status : queue.status())
        if (status.id == id) return status;
    ADD_FAILURE() << "no job " << id;
    return {};
}

// Reports progress until it is told to stop; counts the steps.
JobWork endless(std::atomic<int>& steps) {
    return [&steps](JobContext& context) {
        while (context.progress({.phase = "forward", .block = 1, .blocks = 4, .fraction = 0.25, .tokens = 7}))
            ++steps;
    };
}

void wait_for(const std::atomic<int>& steps) {
    while (steps == 0) std::this_thread::yield();
}

TEST(Jobs, RunInOrderAndDeliverInOrder) {
    JobQueue queue;
    std::vector<int> seen;
    for (int i = 0; i < 20; ++i)
        queue.submit("job " + std::to_string(i), "", [&seen, i](JobContext& context) {
            context.deliver([&seen, i] { seen.push_back(2 * i); });
            context.deliver([&seen, i] { seen.push_back(2 * i + 1); });
        });
    queue.wait_idle();
    EXPECT_TRUE(seen.empty()) << "a delivery ran before drain()";
    EXPECT_EQ(queue.drain(), 40u);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_EQ(queue.drain(), 0u);
}

TEST(Jobs, StatusTellsPhaseFractionAndRemaining) {
    JobQueue queue;
    std::atomic<int> steps = 0;
    const auto id = queue.submit("a", "Reading a", endless(steps));
    const auto waiting = queue.submit("b", "Reading b", endless(steps));
    wait_for(steps);
    const JobStatus status = find(queue, id);
    EXPECT_EQ(status.state, JobState::running);
    EXPECT_EQ(status.title, "Reading a");
    EXPECT_EQ(status.phase, "forward");
    EXPECT_EQ(status.block, 1u);
    EXPECT_EQ(status.blocks, 4u);
    EXPECT_EQ(status.tokens, 7u);
    ASSERT_TRUE(status.remaining_s.has_value());
    EXPECT_NEAR(*status.remaining_s, 3.0 * status.elapsed_s, 1e-9);
    EXPECT_EQ(find(queue, waiting).state, JobState::queued);
    EXPECT_FALSE(queue.idle());
    queue.cancel_all();
    queue.wait_idle();
    EXPECT_TRUE(queue.idle());
}

TEST(Jobs, ANewerJobReplacesQueuedAndRunningOfItsTag) {
    JobQueue queue;
    std::atomic<int> steps = 0, other = 0;
    const auto running = queue.submit("a", "", endless(steps));
    wait_for(steps);
    const auto bystander = queue.submit("b", "", [&](JobContext&) { ++other; });
    const auto queued = queue.submit("a", "", [](JobContext&) { FAIL() << "a replaced job ran"; });
    const auto last = queue.submit("a", "", [](JobContext&) {});
    queue.wait_idle();
    EXPECT_EQ(find(queue, running).state, JobState::cancelled);
    EXPECT_EQ(find(queue, queued).state, JobState::cancelled);
    EXPECT_EQ(find(queue, last).state, JobState::done);
    EXPECT_EQ(find(queue, bystander).state, JobState::done);
    EXPECT_EQ(other, 1);
}

TEST(Jobs, ACancelledJobsDeliveriesAreDropped) {
    JobQueue queue;
    std::atomic<int> steps = 0;
    int delivered = 0;
    const auto id = queue.submit("a", "", [&](JobContext& context) {
        context.deliver([&] { ++delivered; });
        endless(steps)(context);
        context.deliver([&] { ++delivered; });
    });
    wait_for(steps);
    queue.cancel(id);
    queue.wait_idle();
    EXPECT_EQ(queue.drain(), 0u);
    EXPECT_EQ(delivered, 0);
}

TEST(Jobs, WhatWasDeliveredAndDrainedBeforeACancelStays) {
    JobQueue queue;
    std::atomic<int> steps = 0;
    int delivered = 0;
    queue.submit("a", "", [&](JobContext& context) {
        context.deliver([&] { ++delivered; });
        endless(steps)(context);
    });
    wait_for(steps);
    EXPECT_EQ(queue.drain(), 1u);
    queue.cancel_tag("a");
    queue.wait_idle();
    EXPECT_EQ(delivered, 1);
}

TEST(Jobs, ErrorsBecomeWords) {
    JobQueue queue;
    const auto bad = queue.submit(
        "a", "", [](JobContext&) { throw Error::input("no such norm", {.file = "f", .key = "k"}); });
    const auto memory = queue.submit("b", "", [](JobContext&) { throw std::bad_alloc(); });
    const auto odd = queue.submit("c", "", [](JobContext&) { throw std::runtime_error("odd"); });
    queue.wait_idle();
    EXPECT_EQ(find(queue, bad).state, JobState::failed);
    EXPECT_EQ(find(queue, bad).error, Error::input("no such norm", {.file = "f", .key = "k"}).message());
    EXPECT_NE(find(queue, memory).error.find("memory"), std::string::npos);
    EXPECT_NE(find(queue, odd).error.find("odd"), std::string::npos);
}

TEST(Jobs, WakesWhenThereIsSomethingNew) {
    std::atomic<int> woken = 0;
    JobQueue queue([&] { ++woken; });
    queue.submit("a", "", [](JobContext& context) { context.deliver([] {}); });
    queue.wait_idle();
    EXPECT_GE(woken, 2);
}

// Work that asks for nothing until it is let go, as a call of a library.
struct LongCall {
    std::atomic<int> begun = 0, ended = 0;
    std::atomic<bool> go = false;
    JobWork work(int& delivered) {
        return [this, &delivered](JobContext& context) {
            ++begun;
            while (!go) std::this_thread::yield();
            context.deliver([&delivered] { ++delivered; });
            EXPECT_FALSE(context.progress({.phase = "spectra", .fraction = 0.9}));
            ++ended;
        };
    }
};

TEST(Jobs, ACancelledJobThatDoesNotAskIsLeftAndTheNextRuns) {
    LongCall call;
    int delivered = 0, next = 0;
    JobQueue queue;
    const auto id = queue.submit("a", "", call.work(delivered), WhenCancelled::leave);
    wait_for(call.begun);
    EXPECT_FALSE(queue.has_left());
    queue.cancel(id);
    const auto after = queue.submit("b", "", [&](JobContext& context) { context.deliver([&] { ++next; }); });
    queue.wait_idle();  // although the first is still at work
    EXPECT_EQ(call.ended, 0);
    EXPECT_TRUE(queue.has_left());
    EXPECT_EQ(find(queue, id).state, JobState::cancelled);
    EXPECT_EQ(find(queue, after).state, JobState::done);
    call.go = true;
    wait_for(call.ended);
    while (queue.has_left()) std::this_thread::yield();
    EXPECT_EQ(queue.drain(), 1u);
    EXPECT_EQ(next, 1);
    EXPECT_EQ(delivered, 0);
    EXPECT_EQ(find(queue, id).fraction, 0.0) << "what it says later changes nothing";
}

TEST(Jobs, WhatIsToBeWaitedForIsNotLeft) {
    LongCall call;
    int delivered = 0;
    JobQueue queue;
    const auto id = queue.submit("a", "", call.work(delivered));
    wait_for(call.begun);
    queue.cancel(id);
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(find(queue, id).state, JobState::running);
    EXPECT_FALSE(queue.has_left());
    call.go = true;
    queue.wait_idle();
    EXPECT_EQ(call.ended, 1);
    EXPECT_EQ(find(queue, id).state, JobState::cancelled);
}

TEST(Jobs, DestructionWaitsForThoseThatWereLeft) {
    LongCall call;
    int delivered = 0;
    {
        JobQueue queue;
        for (const char* tag : {"a", "b"}) {
            const auto id = queue.submit(tag, "", call.work(delivered), WhenCancelled::leave);
            while (find(queue, id).state == JobState::queued) std::this_thread::yield();
            queue.cancel(id);
            queue.wait_idle();
        }
        EXPECT_TRUE(queue.has_left());
        call.go = true;
    }
    EXPECT_EQ(call.begun, call.ended);
}

TEST(Jobs, DestructionStopsWhatRunsAndWaits) {
    std::atomic<int> steps = 0;
    const auto start = std::chrono::steady_clock::now();
    {
        JobQueue queue;
        queue.submit("a", "", endless(steps));
        queue.submit("b", "", endless(steps));
        wait_for(steps);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(Jobs, EveryEndIsToldOnceAndTheLatestAreRemembered) {
    JobQueue queue;
    for (int i = 0; i < 100; ++i) queue.submit(std::to_string(i), "", [](JobContext&) {});
    queue.wait_idle();
    auto status = queue.status();
    ASSERT_EQ(status.size(), 100u) << "who follows a job must meet its end";
    EXPECT_EQ(status.front().tag, "99");
    queue.submit("100", "", [](JobContext&) {});
    queue.wait_idle();
    status = queue.status();
    ASSERT_EQ(status.size(), 64u);
    EXPECT_EQ(status.front().tag, "100");
    EXPECT_EQ(status.back().tag, "37");
}

// Cancel, replace, drain and look from several threads at random moments: every job ends in one state, no
// delivery of a cancelled one arrives, and nothing hangs. Clean under the thread sanitizer.
TEST(Jobs, RandomMoments) {
    std::mt19937 bits(3);
    JobQueue queue([] {});
    std::atomic<bool> over = false;
    std::atomic<int> delivered = 0;
    std::thread looker([&] {
        while (!over) {
            for (const JobStatus& status : queue.status()) EXPECT_LE(status.fraction, 1.0);
            std::this_thread::yield();
        }
    });
    std::thread canceller([&] {
        std::mt19937 moments(4);
        while (!over) {
            std::this_thread::sleep_for(std::chrono::microseconds(moments() % 400));
            queue.cancel_tag("tag " + std::to_string(moments() % 3));
        }
    });
    int drained = 0;
    for (int i = 0; i < 300; ++i) {
        const auto steps = bits() % 40;
        queue.submit("tag " + std::to_string(bits() % 3), "", [&, steps](JobContext& context) {
            for (unsigned step = 0; step < steps; ++step) {
                context.deliver([&] { ++delivered; });
                if (!context.progress({.phase = "x", .fraction = step / 40.0})) return;
                std::this_thread::sleep_for(std::chrono::microseconds(20));
            }
        });
        std::this_thread::sleep_for(std::chrono::microseconds(bits() % 500));
        drained += static_cast<int>(queue.drain());
    }
    queue.wait_idle();
    over = true;
    looker.join();
    canceller.join();
    drained += static_cast<int>(queue.drain());
    EXPECT_EQ(drained, delivered);
    for (const JobStatus& status : queue.status())
        EXPECT_TRUE(status.state == JobState::done || status.state == JobState::cancelled);
}

}  // namespace
}  // namespace deadscope

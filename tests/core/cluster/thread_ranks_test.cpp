// Ranks that are threads: order of merging, errors on one of them, groups, and work handed out.
#include "core/cluster/thread_ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <numeric>

#include "core/base/error.h"
#include "core/cluster/team.h"

namespace deadscope {
namespace {

std::vector<std::string> names(std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back("device " + std::to_string(i));
    return out;
}

// Digits one after another show the order in which numbers were merged.
TEST(ThreadRanks, MergeInTheOrderOfRanks) {
    for (const std::size_t count : {1u, 2u, 3u, 5u, 8u}) {
        double seen = 0.0;
        run_on_threads(names(count), [&](Ranks& ranks) {
            std::vector<double> numbers{static_cast<double>(ranks.rank() + 1), 10.0};  // digits, 10^how many
            ranks.reduce(numbers, [](std::span<const double> lower, std::span<double> higher) {
                higher[0] = lower[0] * higher[1] + higher[0];
                higher[1] *= lower[1];
            });
            if (ranks.rank() == 0) seen = numbers[0];
        });
        double expected = 0.0;
        for (std::size_t i = 1; i <= count; ++i) expected = 10.0 * expected + static_cast<double>(i);
        EXPECT_EQ(seen, expected) << count;
    }
}

TEST(ThreadRanks, AnErrorInAMergeIsThrownWhereItRanAndNobodyWaits) {
    std::vector<int> failed(3);
    run_on_threads(names(3), [&](Ranks& ranks) {
        std::vector<double> numbers(1);
        try {
            ranks.reduce(numbers,
                         [](std::span<const double>, std::span<double>) { throw Error::input("no"); });
        } catch (const Error&) {
            failed[static_cast<std::size_t>(ranks.rank())] = 1;
        }
        EXPECT_EQ(ranks.minimum(7 - ranks.rank()), 5);
    });
    EXPECT_THAT(failed, testing::ElementsAre(1, 0, 0));
}

TEST(ThreadRanks, ATeamHearsTheErrorOfOne) {
    std::mutex mutex;
    std::vector<std::string> heard;
    run_on_threads(names(3), [&](Ranks& ranks) {
        Team team(ranks);
        try {
            team.run([&]() -> bool {
                if (ranks.rank() == 1) throw Error::input("a bad weight", {.file = "x"});
                return team.meet();
            });
        } catch (const Error& error) {
            const std::scoped_lock lock(mutex);
            heard.push_back(error.summary());
        }
    });
    EXPECT_THAT(heard, testing::ElementsAre("a bad weight", "a bad weight", "a bad weight"));
}

TEST(ThreadRanks, ARankThatEndsEarlyIsAnErrorForThoseThatWait) {
    EXPECT_THROW(run_on_threads(names(2),
                                [](Ranks& ranks) {
                                    if (ranks.rank() == 0) ranks.minimum(0);
                                }),
                 Error);
}

TEST(ThreadRanks, TheFirstOnesFormAGroup) {
    std::int64_t least = 0;
    run_on_threads(names(4), [&](Ranks& ranks) {
        const std::unique_ptr<Ranks> two = ranks.first(2);
        EXPECT_EQ(two != nullptr, ranks.rank() < 2);
        if (!two) return;
        EXPECT_EQ(two->size(), 2);
        const std::int64_t found = two->minimum(10 + two->rank());
        if (two->rank() == 0) least = found;
    });
    EXPECT_EQ(least, 10);
}

TEST(ThreadRanks, WorkIsHandedOutOnceEach) {
    std::vector<int> done(50);
    run_on_threads(names(3), [&](Ranks& ranks) {
        ranks.hand_out(
            done.size(), [](std::size_t index) { return std::to_string(index); },
            [&](std::size_t index, const std::string& result) {
                EXPECT_EQ(result, std::to_string(index));
                ++done[index];
            });
    });
    EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 50);
    EXPECT_THAT(done, testing::Each(1));
}

}  // namespace
}  // namespace deadscope

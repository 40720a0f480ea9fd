// What one rank meets reaches all of them: errors with their words, cancellation, and nobody left waiting.
#include "core/cluster/team.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/fixtures/thread_ranks.h"

namespace deadscope {
namespace {

using fixtures::on_thread_ranks;

TEST(Team, AllRanksFinish) {
    std::atomic<int> finished{0};
    on_thread_ranks(4, [&](Ranks& ranks) {
        Team team(ranks);
        finished += team.run([&] { return team.meet() && team.meet(); }) ? 1 : 0;
    });
    EXPECT_EQ(finished, 4);
}

TEST(Team, AnErrorOfOneIsTheErrorOfAll) {
    for (const int meetings : {0, 1, 5}) {
        std::atomic<int> told{0};
        on_thread_ranks(4, [&](Ranks& ranks) {
            Team team(ranks);
            try {
                team.run([&] {
                    for (int i = 0; i < meetings; ++i)
                        if (!team.meet()) return false;
                    if (ranks.rank() == 2)
                        throw Error::input("The file is gone", {.file = std::string("a\0b", 3),
                                                                .key = "k:1",
                                                                .offset = 77,
                                                                .expected = "one",
                                                                .found = "",
                                                                .hint = "Look for it."});
                    return team.meet() && team.meet();
                });
                ADD_FAILURE() << "rank " << ranks.rank() << " was not told";
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::input);
                EXPECT_EQ(error.summary(), "The file is gone");
                EXPECT_EQ(error.details().file, std::string("a\0b", 3));
                EXPECT_EQ(error.details().key, "k:1");
                EXPECT_EQ(error.details().offset, 77u);
                EXPECT_EQ(error.details().expected, "one");
                EXPECT_THAT(error.details().hint, testing::HasSubstr("rank 2 of 4, on test-host"));
                ++told;
            }
        });
        EXPECT_EQ(told, 4);
    }
}

TEST(Team, TheLowestRankSpeaksWhereAllFail) {
    on_thread_ranks(3, [&](Ranks& ranks) {
        Team team(ranks);
        try {
            team.run(
                [&]() -> bool { throw Error::usage("by " + std::to_string(ranks.rank()), {.hint = "no"}); });
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_EQ(error.summary(), "by 0");
            EXPECT_EQ(error.details().hint, "no");  // rank 0 says it without its number
        }
    });
}

TEST(Team, MemoryThatIsOutIsSaidInWords) {
    on_thread_ranks(2, [&](Ranks& ranks) {
        Team team(ranks);
        try {
            team.run([&] {
                if (ranks.rank() == 1) throw std::bad_alloc();
                return team.meet();
            });
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::resource);
            EXPECT_EQ(error.summary(), "out of memory");
        }
    });
}

TEST(Team, OneThatStopsStopsAll) {
    std::atomic<int> stopped{0}, met{0};
    on_thread_ranks(4, [&](Ranks& ranks) {
        Team team(ranks);
        stopped += team.run([&] {
            if (!team.meet()) return false;
            if (ranks.rank() == 3) return false;
            const bool on = team.meet();
            met += on ? 1 : 0;
            return on;
        })
                       ? 0
                       : 1;
    });
    EXPECT_EQ(stopped, 4);
    EXPECT_EQ(met, 0);
}

TEST(Team, AnErrorWeighsMoreThanAStop) {
    on_thread_ranks(3, [&](Ranks& ranks) {
        Team team(ranks);
        EXPECT_THROW(team.run([&]() -> bool {
            if (ranks.rank() == 2) throw Error::input("broken");
            return false;
        }),
                     Error);
    });
}

// A team of some ranks within a team of all, as for an input of fewer sequences than ranks.
TEST(Team, TheErrorOfASmallerTeamReachesThoseOutside) {
    std::atomic<int> told{0};
    on_thread_ranks(4, [&](Ranks& ranks) {
        Team all(ranks);
        try {
            all.run([&] {
                const std::unique_ptr<Ranks> few = ranks.first(2);
                EXPECT_EQ(few != nullptr, ranks.rank() < 2);
                if (!few) return true;
                Team team(*few);
                return team.run([&] {
                    if (few->rank() == 1) throw Error::input("within");
                    return team.meet();
                });
            });
        } catch (const Error& error) {
            EXPECT_EQ(error.summary(), "within");
            EXPECT_THAT(error.details().hint, testing::HasSubstr("rank 1 of 2"));
            ++told;
        }
    });
    EXPECT_EQ(told, 4);
}

}  // namespace
}  // namespace deadscope

#include "core/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace deadscope {
namespace {

TEST(ThreadPool, EveryIndexOnceWhateverTheThreads) {
    for (const int threads : {-1, 1, 2, 5}) {
        ThreadPool pool(threads);
        EXPECT_GE(pool.threads(), 1);
        for (const std::size_t count : {0u, 1u, 3u, 1000u}) {
            std::vector<int> seen(count);
            pool.parallel_for(count, [&](std::size_t i, std::size_t worker) {
                EXPECT_LT(worker, static_cast<std::size_t>(pool.threads()));
                ++seen[i];
            });
            EXPECT_EQ(seen, std::vector<int>(count, 1)) << threads << " threads, " << count;
        }
    }
}

TEST(ThreadPool, LoopsFollowEachOther) {
    ThreadPool pool(4);
    std::atomic<int> total = 0;
    for (int loop = 0; loop < 500; ++loop) pool.parallel_for(7, [&](std::size_t, std::size_t) { ++total; });
    EXPECT_EQ(total, 3500);
}

TEST(ThreadPool, TheExceptionOfTheLowestIndexArrivesAndThePoolLivesOn) {
    ThreadPool pool(4);
    for (int round = 0; round < 50; ++round) {
        try {
            pool.parallel_for(200, [](std::size_t i, std::size_t) {
                if (i >= 20) throw std::runtime_error(std::to_string(i));
            });
            ADD_FAILURE() << "no exception";
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "20");
        }
    }
    std::atomic<int> count = 0;
    pool.parallel_for(10, [&](std::size_t, std::size_t) { ++count; });
    EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace deadscope

#include "core/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

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

TEST(ThreadPool, BackgroundTasksAreDoneOnceBesideLoops) {
    for (const int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        std::atomic<int> tasks = 0, indices = 0;
        for (int round = 0; round < 200; ++round) {
            pool.background([&] { ++tasks; });
            pool.parallel_for(5, [&](std::size_t, std::size_t worker) {
                EXPECT_LT(worker, static_cast<std::size_t>(pool.threads()));
                ++indices;
            });
        }
        while (pool.help()) {
        }
        EXPECT_EQ(tasks, 200) << threads;
        EXPECT_EQ(indices, 1000) << threads;
        EXPECT_FALSE(pool.help());
    }
}

TEST(ThreadPool, LoopsDoNotWaitForBackgroundTasks) {
    ThreadPool pool(2);
    std::atomic<bool> begun = false, go = false, done = false;
    pool.background([&] {
        begun = true;
        while (!go) std::this_thread::yield();
        done = true;
    });
    while (!begun) std::this_thread::yield();
    std::atomic<int> count = 0;
    pool.parallel_for(10, [&](std::size_t, std::size_t) { ++count; });
    EXPECT_EQ(count, 10);
    EXPECT_FALSE(done);
    go = true;
    while (pool.help()) {
    }
    EXPECT_TRUE(done);
}

TEST(ThreadPool, TasksNotBegunAreDroppedWithThePool) {
    std::atomic<bool> begun = false, go = false;
    std::atomic<int> others = 0;
    std::thread opener;
    {
        ThreadPool pool(2);
        pool.background([&] {
            begun = true;
            while (!go) std::this_thread::yield();
        });
        while (!begun) std::this_thread::yield();
        for (int i = 0; i < 3; ++i) pool.background([&] { ++others; });
        opener = std::thread([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            go = true;
        });
    }
    opener.join();
    EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace deadscope
